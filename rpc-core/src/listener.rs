//! Collects notifications.

mod event;

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

pub use self::event::Event;
use crate::codec::{self, compression};
use crate::delivery_limit::{Decision, DeliveryLimit};
use crate::error::{Code, Error, Executed, Phase};
use crate::health::{Consumed, HealthWatch};
use crate::message::{Message, NotificationMessage};
use crate::payload::ContentType;
use crate::priority::Priority;
use crate::transport::{Acknowledger, ConsumeOptions, Consumer, SharedTransport, Source, Subscription};

/// Collects the notifications of some topics.
///
/// Listeners of one pool share the events; every pool gets all of them. An event is delivered at least once: it
/// stays with the broker until [`Event::ack`], and comes again when the listener dies before. What cannot be
/// decoded into `T`, and what came more often than [`ListenerBuilder::delivery_limit`] allows, goes to the dead-letter
/// queue with the reason, and the rest flow on.
///
/// Events of one topic and priority come in the order in which one publisher emitted them, to one listener that settles
/// each before it takes the next, until one comes again: with [`Event::attempt`] above 1 it may stand behind later ones.
///
/// See [`Notifier`](crate::Notifier) for an example.
#[must_use = "a listener collects only what is taken from it"]
pub struct Listener<T> {
    consumer: Box<dyn Consumer>,
    /// Keeps the link open for as long as somebody listens.
    _transport: SharedTransport,
    event_types: Vec<String>,
    accept: Vec<ContentType>,
    delivery_limit: DeliveryLimit,
    max_message_size: usize,
    health: HealthWatch,
    payload: PhantomData<fn() -> T>,
}

/// Makes a [`Listener`].
#[derive(Debug)]
#[must_use = "a listener collects nothing until it is started"]
pub struct ListenerBuilder {
    transport: SharedTransport,
    subscription: Subscription,
    event_types: Vec<String>,
    accept: Vec<ContentType>,
    delivery_limit: u32,
    options: ConsumeOptions,
}

impl Listener<()> {
    /// A listener on `topics`, in the default pool.
    pub fn builder<T: Into<String>>(
        transport: &impl AsRef<SharedTransport>,
        topics: impl IntoIterator<Item = T>,
    ) -> ListenerBuilder {
        ListenerBuilder {
            transport: transport.as_ref().clone(),
            subscription: Subscription::new(topics.into_iter().map(Into::into).collect()),
            event_types: Vec::new(),
            accept: ContentType::ALL.to_vec(),
            delivery_limit: ListenerBuilder::DEFAULT_DELIVERY_LIMIT,
            options: ConsumeOptions::new().prefetch(ListenerBuilder::DEFAULT_PREFETCH),
        }
    }
}

impl ListenerBuilder {
    /// How many events of a topic and priority are handed out unsettled when nothing else is said.
    pub const DEFAULT_PREFETCH: u16 = 64;
    /// How often an event may come when nothing else is said.
    pub const DEFAULT_DELIVERY_LIMIT: u32 = DeliveryLimit::DEFAULT;

    /// Shares the events with the other listeners of this pool. Default: the pool without a name.
    pub fn pool(mut self, pool: impl Into<String>) -> Self {
        self.subscription.pool = Some(pool.into());
        self
    }

    /// Listens in this exchange. Default: [`Target::DEFAULT_EXCHANGE`](crate::Target::DEFAULT_EXCHANGE).
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.subscription.exchange = exchange.into();
        self
    }

    /// Takes these priorities only. Default: all.
    pub fn priorities(mut self, priorities: impl IntoIterator<Item = Priority>) -> Self {
        self.subscription.priorities = priorities.into_iter().collect();
        self
    }

    /// Takes events of this type only; may be said several times. Others are acknowledged and passed over, so all
    /// listeners of a pool have to want the same. Default: all.
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Accepts payloads in these content types only. Default: all of [`ContentType::ALL`].
    pub fn accept(mut self, content_types: impl IntoIterator<Item = ContentType>) -> Self {
        self.accept = content_types.into_iter().collect();
        self
    }

    /// Lets the broker hand out at most this many unsettled events of each topic and priority, 0 counting as 1.
    /// Default: [`ListenerBuilder::DEFAULT_PREFETCH`].
    pub fn prefetch(mut self, prefetch: u16) -> Self {
        self.options = self.options.prefetch(prefetch);
        self
    }

    /// Hands an event out as this many attempts at most, 0 counting as 1. One that comes again after that goes to the
    /// dead-letter queue as [`Code::TooManyAttempts`]: it has ended the listener's process, or was given back, each time
    /// before. Nobody but the broker outlives such a process, so what it had in hand besides is counted, too: the smaller
    /// the [`prefetch`](Self::prefetch), the fewer. Default: [`ListenerBuilder::DEFAULT_DELIVERY_LIMIT`], below the limits of the brokers, which drop what
    /// they count out.
    pub fn delivery_limit(mut self, attempts: u32) -> Self {
        self.delivery_limit = attempts;
        self
    }

    /// Starts to listen, and returns once the broker keeps the events for this pool. Payloads are decoded into
    /// `T`; use [`Value`](crate::Value) for any.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] when a name is empty, or there is no topic or no priority; and what the
    /// transport says.
    pub async fn start<T: DeserializeOwned>(self) -> Result<Listener<T>, Error> {
        let Subscription { exchange, topics, priorities, pool } = &self.subscription;
        let names = topics.iter().chain([exchange]).chain(pool);
        if topics.is_empty() || priorities.is_empty() || names.into_iter().any(String::is_empty) {
            let message = "a listener needs a topic, a priority, and names that are not empty";
            return Err(Error::new(Code::InvalidArguments, message)
                .with_executed(Executed::NotSent)
                .with_phase(Phase::Connect));
        }
        let source = Source::Notifications(self.subscription);
        let what = source.to_string();
        let consumer = self.transport.transport().consume(source, self.options).await?;
        let consumed = Consumed { what, status: consumer.status() };
        let health = HealthWatch::new(self.transport.status(), [consumed], CancellationToken::new());
        let capabilities = self.transport.capabilities();
        Ok(Listener {
            consumer,
            event_types: self.event_types,
            accept: self.accept,
            delivery_limit: DeliveryLimit::new(self.delivery_limit, capabilities.redelivery_count),
            max_message_size: capabilities.max_message_size,
            _transport: self.transport,
            health,
            payload: PhantomData,
        })
    }
}

impl<T: DeserializeOwned> Listener<T> {
    /// The next event; `None` once the transport was closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event<T>> {
        loop {
            let delivery = self.consumer.next().await?;
            let redelivered = delivery.is_redelivered();
            let (message, acknowledger) = delivery.into_parts();
            let notification = match message {
                Ok(Message::Notification(notification)) => notification,
                Ok(Message::Request(_) | Message::Reply(_)) => {
                    reject(acknowledger, Code::Malformed, "the message is not a notification");
                    continue;
                }
                Err(malformed) => {
                    reject(acknowledger, malformed.code, &malformed.reason);
                    continue;
                }
            };
            if !self.event_types.is_empty() && !self.event_types.contains(&notification.event_type) {
                drop(acknowledger.ack());
                continue;
            }
            // Before the payload is looked at: that, too, may end the process.
            let attempt = notification.context.attempt;
            match self.delivery_limit.decide(attempt, redelivered) {
                Decision::Handle => {}
                Decision::Count => {
                    drop(acknowledger.retry(attempt));
                    continue;
                }
                Decision::Reject => {
                    reject(acknowledger, Code::TooManyAttempts, &self.delivery_limit.reason(attempt));
                    continue;
                }
            }
            match self.decode(&notification) {
                Ok(payload) => return Some(Event::new(notification, payload, acknowledger)),
                Err(error) => reject(acknowledger, error.code(), error.message()),
            }
        }
    }

    /// How the listener is: consuming, degraded and why, or closed.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    /// Stops listening: gives back what was not taken or not settled, and tells the broker what was. The
    /// broker keeps the pool's events for its next listener.
    pub async fn close(mut self) {
        self.consumer.stop().await;
        self.consumer.close().await;
    }

    fn decode(&self, notification: &NotificationMessage) -> Result<T, Error> {
        notification.payload.check_accepted(&self.accept)?;
        let payload = compression::inflate(notification.payload.clone(), self.max_message_size)?;
        Ok(codec::decode(&payload)?)
    }
}

fn reject(acknowledger: Acknowledger, code: Code, reason: &str) {
    tracing::warn!(%code, reason, "rejected a notification");
    drop(acknowledger.reject(code, reason));
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listener").field("event_types", &self.event_types).finish_non_exhaustive()
    }
}
