//! Emits notifications.

mod background;
mod retry;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub use self::background::{Background, BackgroundBuilder, BackgroundCounts, WhenFull};
pub use self::retry::RetryPolicy;
pub(crate) use self::settings::Settings;
use crate::codec::{self, Compression};
use crate::context::{self, Context, ContextFields};
use crate::driver::{Driver, Emission, Messaging};
use crate::error::{Code, Error};
use crate::message::NotificationMessage;
use crate::notification::Notification;
use crate::payload::ContentType;
use crate::priority::Priority;
use crate::transport::SharedTransport;

/// Emits notifications in the name of one publisher.
///
/// `Ok` means that the broker has the event and will not lose it while it keeps its disk; it is delivered to
/// every pool at least once. An event that nobody listens for yet waits in the default queue of its topic and
/// priority. Cheap to clone.
///
/// ```
/// # use rpc_core::{Listener, MemoryTransport, Notifier, Priority};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let transport = MemoryTransport::new();
/// let notifier = Notifier::new(&transport, "conductor.cell-1");
/// notifier.info("node.power_set", &("node-7", true)).await?;
///
/// let mut events = Listener::builder(&transport, ["notifications"]).start::<(String, bool)>().await?;
/// let event = events.next().await.expect("the listener is open");
/// assert_eq!(event.payload(), &("node-7".to_owned(), true));
/// assert_eq!((event.event_type(), event.priority()), ("node.power_set", Priority::Info));
/// event.ack().await?;
/// # Ok(()) }
/// ```
///
/// # What an event carries
///
/// Message id, time, publisher, event type, priority and payload; of the context, request id and trace. Anything else of the
/// context stays here unless it is named in [`context_fields`](Notifier::context_fields): it may hold a token, and everybody
/// may listen.
#[derive(Clone)]
pub struct Notifier {
    settings: Arc<Settings>,
}

macro_rules! emit_by_priority {
    ($($name:ident => $priority:ident),* $(,)?) => {
        $(
            #[doc = concat!("Emits an event of [`Priority::", stringify!($priority), "`].")]
            ///
            /// # Errors
            ///
            /// As [`notify`](Notifier::notify).
            pub fn $name<'a, P: Serialize + ?Sized>(
                &'a self,
                event_type: &str,
                payload: &P,
            ) -> impl Future<Output = Result<(), Error>> + Send + use<'a, P> {
                self.notify(Priority::$priority, event_type, payload)
            }
        )*
    };
}

impl Notifier {
    /// The topic of a notifier that is told none; oslo.messaging's.
    pub const DEFAULT_TOPIC: &'static str = "notifications";
    /// How long a notifier waits for the broker when it is told nothing else.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// A notifier for `publisher_id`, such as `conductor.cell-1`, that publishes over `transport` to
    /// [`Notifier::DEFAULT_TOPIC`].
    #[must_use]
    pub fn new(transport: &impl AsRef<SharedTransport>, publisher_id: impl Into<String>) -> Self {
        Self::with_drivers(publisher_id, [Arc::new(Messaging::new(transport)) as Arc<dyn Driver>])
    }

    /// A notifier for `publisher_id` whose events go to these drivers. Without any, it does nothing.
    #[must_use]
    pub fn with_drivers(
        publisher_id: impl Into<String>,
        drivers: impl IntoIterator<Item = Arc<dyn Driver>>,
    ) -> Self {
        let settings = Settings::new(publisher_id.into(), drivers.into_iter().collect());
        Self { settings: Arc::new(settings) }
    }

    /// A copy with other settings, which shares everything else: `notifier.prepare(|it| it.publisher_id("cell-2"))`.
    #[must_use]
    pub fn prepare(&self, change: impl FnOnce(Self) -> Self) -> Self {
        change(self.clone())
    }

    /// Emits in this name. Default: that of the constructor.
    #[must_use]
    pub fn publisher_id(self, publisher_id: impl Into<String>) -> Self {
        self.with(|settings| settings.publisher_id = publisher_id.into())
    }

    /// Emits to each of these topics. Default: [`Notifier::DEFAULT_TOPIC`].
    #[must_use]
    pub fn topics<T: Into<String>>(self, topics: impl IntoIterator<Item = T>) -> Self {
        self.with(|settings| settings.topics = topics.into_iter().map(Into::into).collect())
    }

    /// Emits to this exchange. Default: [`Target::DEFAULT_EXCHANGE`](crate::Target::DEFAULT_EXCHANGE).
    #[must_use]
    pub fn exchange(self, exchange: impl Into<String>) -> Self {
        self.with(|settings| settings.exchange = exchange.into())
    }

    /// Encodes payloads so. Default: as the drivers ask for it
    /// ([`Driver::content_type`](crate::driver::Driver::content_type)), which is MessagePack unless a transport's other side
    /// reads only JSON.
    #[must_use]
    pub fn content_type(self, content_type: ContentType) -> Self {
        self.with(|settings| settings.content_type = Some(content_type))
    }

    /// Compresses payloads so; listeners need the feature to read them. Default: off.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.with(|settings| settings.compression = compression)
    }

    /// Waits at most this long for the broker, all attempts included. Default: [`Notifier::DEFAULT_TIMEOUT`].
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Tries so often. Default: [`RetryPolicy::new`].
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        self.with(|settings| settings.retry = retry)
    }

    /// Emits on behalf of `context`: its request id, its trace, and what [`context_fields`](Self::context_fields) names.
    /// Default: that of the handler that runs, or a new one.
    #[must_use]
    pub fn context(self, context: &Context) -> Self {
        self.with(|settings| settings.context = Some(context.child()))
    }

    /// Lets these fields of the context go out with events: keys of its metadata, and `baggage` for that of the trace.
    /// Default: none.
    #[must_use]
    pub fn context_fields<F: Into<String>>(self, fields: impl IntoIterator<Item = F>) -> Self {
        let fields = ContextFields::new(fields.into_iter().map(Into::into));
        self.with(|settings| settings.context_fields = fields)
    }

    /// Emits through one more driver. Default: those of the constructor.
    #[must_use]
    pub fn driver(self, driver: impl Driver) -> Self {
        self.with(|settings| settings.drivers.push(Arc::new(driver)))
    }

    /// Puts events into `background` instead of waiting for the drivers: `Ok` then says only that there was room, and
    /// [`WhenFull`] says what becomes of an event otherwise. Default: each event is waited for.
    #[must_use]
    pub fn background(self, background: &Background) -> Self {
        self.with(|settings| settings.background = Some(background.clone()))
    }

    /// Whether anything becomes of its events: a program that computes costly payloads can ask before.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.settings.drivers.iter().any(|driver| !driver.is_noop())
    }

    /// Emits a typed event, as its type says.
    ///
    /// # Errors
    ///
    /// As [`notify`](Notifier::notify).
    pub fn emit<'a, N: Notification + Serialize>(
        &'a self,
        event: &N,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<'a, N> {
        self.notify(N::PRIORITY, N::EVENT_TYPE, event)
    }

    emit_by_priority! {
        audit => Audit,
        debug => Debug,
        info => Info,
        warn => Warn,
        error => Error,
        critical => Critical,
        sample => Sample,
    }

    /// Emits an event, to all topics at once.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] for an event type that is not 1 to 255 bytes long or a
    /// payload that cannot be encoded, [`Code::TooLarge`], and what keeps the broker from taking it
    /// within the time limit and the attempts. When it failed for one topic or driver, the others may have the event.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may or may not have sent the event.
    pub fn notify<'a, P: Serialize + ?Sized>(
        &'a self,
        priority: Priority,
        event_type: &str,
        payload: &P,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<'a, P> {
        // Encoded before the future exists, so that it does not hold the payload.
        let emission = if self.is_enabled() {
            self.emission(priority, event_type, payload).map(Some)
        } else {
            self.settings.check(event_type).map(|()| None)
        };
        self.send(emission)
    }

    /// Puts an event into the [`background`](Self::background), for code that cannot wait.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] for an event or a payload as in [`notify`](Self::notify), and when there is no background;
    /// [`Code::Overloaded`] when there is no room, unless the oldest event makes some; [`Code::Unavailable`] after its
    /// shutdown.
    pub fn enqueue<P: Serialize + ?Sized>(
        &self,
        priority: Priority,
        event_type: &str,
        payload: &P,
    ) -> Result<(), Error> {
        let emission = self.emission(priority, event_type, payload)?;
        let Some(background) = &self.settings.background else {
            let message = "the notifier has no background: give it one, or wait for `notify`";
            return Err(Error::new(Code::InvalidArguments, message));
        };
        background.enqueue(emission)
    }

    fn emission<P: Serialize + ?Sized>(
        &self,
        priority: Priority,
        event_type: &str,
        payload: &P,
    ) -> Result<Emission, Error> {
        let settings = &*self.settings;
        let inherited = settings.context.clone().or_else(context::inherited);
        let context = settings.context_fields.redact(inherited.unwrap_or_default());
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let payload = settings
            .check(event_type)
            .and_then(|()| codec::encode(settings.content_type(), payload))
            .map(|payload| settings.compression.apply(payload))
            .map_err(|error| error.about(&settings.publisher_id, event_type, &context.request_id))?;
        let message = NotificationMessage {
            priority,
            timestamp_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            context,
            ..NotificationMessage::new(settings.publisher_id.clone(), event_type, payload)
        };
        Ok(Emission::of(message, Arc::clone(&self.settings)))
    }

    async fn send(&self, emission: Result<Option<Emission>, Error>) -> Result<(), Error> {
        let Some(emission) = emission? else { return Ok(()) };
        match &self.settings.background {
            Some(background) => background.put(emission).await,
            None => emission.deliver().await,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Notifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}
