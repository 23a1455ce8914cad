//! An event as a listener hands it out.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::Context;
use crate::error::{Code, Error};
use crate::identity::MessageId;
use crate::message::NotificationMessage;
use crate::priority::Priority;
use crate::transport::Acknowledger;

/// An event as a listener hands it out. It is settled exactly once: one that is dropped goes back to its queue.
#[must_use = "an event that is dropped is delivered again"]
pub struct Event<T> {
    message: NotificationMessage,
    payload: T,
    acknowledger: Acknowledger,
}

impl<T> Event<T> {
    pub(super) const fn new(message: NotificationMessage, payload: T, acknowledger: Acknowledger) -> Self {
        Self { message, payload, acknowledger }
    }

    /// The event's data.
    #[must_use]
    pub const fn payload(&self) -> &T {
        &self.payload
    }

    /// What happened.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.message.event_type
    }

    /// Who emitted it.
    #[must_use]
    pub fn publisher_id(&self) -> &str {
        &self.message.publisher_id
    }

    /// How urgent it is.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.message.priority
    }

    /// When it was emitted, by the publisher's clock; the Unix epoch when that cannot be told.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.message.timestamp_ms)).unwrap_or(UNIX_EPOCH)
    }

    /// The same on every delivery of this event: what a collector tells doubles by.
    #[must_use]
    pub const fn message_id(&self) -> &MessageId {
        &self.message.message_id
    }

    /// On whose behalf it happened.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.message.context
    }

    /// 1 when it comes for the first time, more when it may have been handed out before, to this listener or another.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.message.context.attempt
    }

    /// Whether it may have been handed out before, to this listener or another.
    #[must_use]
    pub const fn is_redelivered(&self) -> bool {
        self.attempt() > 1
    }

    /// Takes the data apart from the duty to settle the event.
    pub fn into_parts(self) -> (T, Acknowledger) {
        (self.payload, self.acknowledger)
    }

    /// Tells the broker to forget the event.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`] when the link that brought the event is gone, so that it will come again.
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn ack(self) -> Result<(), Error> {
        self.acknowledger.ack()
    }

    /// Gives the event back, to be delivered again soon, perhaps behind later ones. It comes as the next attempt, of which
    /// there are no more than [`delivery_limit`](super::ListenerBuilder::delivery_limit). Errors as [`ack`](Event::ack).
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn requeue(self) -> Result<(), Error> {
        self.acknowledger.requeue()
    }

    /// Moves the event to the dead-letter queue, with the reason. Errors as [`ack`](Event::ack).
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn reject(self, reason: &str) -> Result<(), Error> {
        self.acknowledger.reject(Code::ServiceError, reason)
    }
}

impl<T: fmt::Debug> fmt::Debug for Event<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("event_type", &self.message.event_type)
            .field("publisher_id", &self.message.publisher_id)
            .field("priority", &self.message.priority)
            .field("message_id", &self.message.message_id)
            .finish_non_exhaustive()
    }
}
