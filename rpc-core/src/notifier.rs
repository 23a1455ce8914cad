//! Emits notifications.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::codec::{self, Compression};
use crate::context::{self, Context};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed, Phase};
use crate::message::{Message, NotificationMessage};
use crate::notification::Notification;
use crate::payload::ContentType;
use crate::priority::Priority;
use crate::target::Target;
use crate::transport::{Destination, SharedTransport};

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
#[derive(Clone)]
pub struct Notifier {
    transport: SharedTransport,
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
struct Settings {
    publisher_id: String,
    exchange: String,
    topics: Vec<String>,
    content_type: ContentType,
    compression: Compression,
    timeout: Duration,
    context: Option<Context>,
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

impl Settings {
    /// Checks everything that can be checked without the broker.
    fn check(&self, event_type: &str) -> Result<(), Error> {
        let names = self.topics.iter().chain([&self.exchange]);
        let message = if event_type.is_empty() || event_type.len() > 255 {
            "an event type has 1 to 255 bytes"
        } else if self.topics.is_empty() || names.into_iter().any(String::is_empty) {
            "a notifier needs a topic, and names that are not empty"
        } else {
            return Ok(());
        };
        Err(Error::new(Code::InvalidArguments, message).with_phase(Phase::Publish))
    }
}

impl Notifier {
    /// The topic of a notifier that is told none; oslo.messaging's.
    pub const DEFAULT_TOPIC: &'static str = "notifications";
    /// How long a notifier waits for the broker when it is told nothing else.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// A notifier for `publisher_id`, such as `conductor.cell-1`, to [`Notifier::DEFAULT_TOPIC`].
    #[must_use]
    pub fn new(transport: &impl AsRef<SharedTransport>, publisher_id: impl Into<String>) -> Self {
        let settings = Settings {
            publisher_id: publisher_id.into(),
            exchange: Target::DEFAULT_EXCHANGE.to_owned(),
            topics: vec![Self::DEFAULT_TOPIC.to_owned()],
            content_type: ContentType::default(),
            compression: Compression::default(),
            timeout: Self::DEFAULT_TIMEOUT,
            context: None,
        };
        Self { transport: transport.as_ref().clone(), settings: Arc::new(settings) }
    }

    /// Emits to each of these topics. Default: [`Notifier::DEFAULT_TOPIC`].
    #[must_use]
    pub fn topics<T: Into<String>>(self, topics: impl IntoIterator<Item = T>) -> Self {
        self.with(|settings| settings.topics = topics.into_iter().map(Into::into).collect())
    }

    /// Emits to this exchange. Default: [`Target::DEFAULT_EXCHANGE`].
    #[must_use]
    pub fn exchange(self, exchange: impl Into<String>) -> Self {
        self.with(|settings| settings.exchange = exchange.into())
    }

    /// Encodes payloads so. Default: MessagePack.
    #[must_use]
    pub fn content_type(self, content_type: ContentType) -> Self {
        self.with(|settings| settings.content_type = content_type)
    }

    /// Compresses payloads so; listeners need the feature to read them. Default: off.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.with(|settings| settings.compression = compression)
    }

    /// Waits at most this long for the broker, for each topic. Default: [`Notifier::DEFAULT_TIMEOUT`].
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Emits on behalf of `context`: its request id, trace and metadata. Default: that of the handler that runs,
    /// or a new one.
    #[must_use]
    pub fn context(self, context: &Context) -> Self {
        self.with(|settings| settings.context = Some(context.child()))
    }

    /// Emits a typed event, with the event type and priority of its type.
    ///
    /// # Errors
    ///
    /// As [`notify`](Notifier::notify).
    pub fn emit<'a, N: Notification>(
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

    /// Emits an event, to one topic after the other.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] for an event type that is not 1 to 255 bytes long or a payload that cannot be
    /// encoded, [`Code::TooLarge`], and what keeps the broker from taking it within the time limit. When it
    /// failed for one topic, earlier ones have the event, later ones do not.
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
        let message = self.message(priority, event_type, payload);
        self.send(message, priority)
    }

    fn message<P: Serialize + ?Sized>(
        &self,
        priority: Priority,
        event_type: &str,
        payload: &P,
    ) -> Result<NotificationMessage, Error> {
        let settings = &*self.settings;
        let inherited =
            settings.context.clone().or_else(|| context::current().map(|context| context.child()));
        let context = Context { deadline: None, ..inherited.unwrap_or_default() };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let payload = settings
            .check(event_type)
            .and_then(|()| codec::encode(settings.content_type, payload))
            .map(|payload| settings.compression.apply(payload))
            .and_then(|payload| self.transport.capabilities().check_size(&payload).map(|()| payload))
            .map_err(|error| error.about(&settings.publisher_id, event_type, &context.request_id))?;
        Ok(NotificationMessage {
            priority,
            timestamp_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            context,
            ..NotificationMessage::new(settings.publisher_id.clone(), event_type, payload)
        })
    }

    async fn send(
        &self,
        message: Result<NotificationMessage, Error>,
        priority: Priority,
    ) -> Result<(), Error> {
        let (message, settings) = (message?, &*self.settings);
        for (earlier, topic) in settings.topics.iter().enumerate() {
            let exchange = settings.exchange.clone();
            let destination = Destination::Notification { exchange, topic: topic.clone(), priority };
            let deadline = Deadline::after(settings.timeout);
            let published =
                self.transport.publish(&destination, Message::Notification(message.clone()), deadline);
            published.await.map_err(|error| {
                // What an earlier topic has, its listeners will see.
                let executed = if earlier == 0 { error.executed() } else { Executed::Unknown };
                let request_id = &message.context.request_id;
                error.with_executed(executed).about(&destination, &message.event_type, request_id)
            })?;
        }
        Ok(())
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
