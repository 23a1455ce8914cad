//! An event and what is known about it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reading::Reading;
use crate::context::Context;
use crate::history::Position;
use crate::identity::MessageId;
use crate::message::NotificationMessage;
use crate::priority::Priority;

/// An event and what is known about it, as a handler gets it. Who hands it out settles it.
#[derive(Clone)]
pub struct Received<T> {
    message: Arc<NotificationMessage>,
    /// Of a history of one topic.
    reading: Option<Reading>,
    payload: T,
}

impl<T> Received<T> {
    pub(super) const fn new(message: Arc<NotificationMessage>, reading: Option<Reading>, payload: T) -> Self {
        Self { message, reading, payload }
    }

    /// The event's data.
    #[must_use]
    pub const fn payload(&self) -> &T {
        &self.payload
    }

    /// The event's data, apart from what is known about it.
    #[must_use]
    pub fn into_payload(self) -> T {
        self.payload
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
    pub fn priority(&self) -> Priority {
        self.message.priority
    }

    /// When it was emitted, by the publisher's clock; the Unix epoch when that cannot be told.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.message.timestamp_ms)).unwrap_or(UNIX_EPOCH)
    }

    /// The same on every delivery of this event: what a collector tells doubles by.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message.message_id
    }

    /// Its place in the history that it was read from, growing with each event of its topic; `None` when it came from a
    /// queue. To go on behind it leaves out what came before it and is not settled yet: see [`resume_at`](Self::resume_at).
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.message.offset
    }

    /// Where a collector goes on after a crash that stores this now, in one transaction with the event's data: behind the event,
    /// or at the first one before it that its listener has taken and not settled. `None` when it came from a queue, or the
    /// listener reads several topics, whose offsets have nothing to do with each other.
    ///
    /// There is no gap then, in whatever order events are handled, given back, and settled. Those behind an unsettled one come
    /// again, so the message id is stored, too.
    #[must_use]
    pub fn resume_at(&self) -> Option<Position> {
        Self::resume_after(std::slice::from_ref(self))
    }

    /// As [`resume_at`](Self::resume_at), for a batch that is stored in one transaction. `None` without events, too.
    #[must_use]
    pub fn resume_after(stored: &[Self]) -> Option<Position> {
        let reading = stored.first()?.reading.as_ref()?;
        Some(reading.resume_at(&stored.iter().filter_map(Self::offset).collect()))
    }

    /// On whose behalf it happened.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.message.context
    }

    /// 1 when it comes for the first time, more when it may have been handed out before, to this listener or another.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.message.context.attempt
    }

    /// Whether it may have been handed out before, to this listener or another.
    #[must_use]
    pub fn is_redelivered(&self) -> bool {
        self.attempt() > 1
    }
}

impl<T> fmt::Debug for Received<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Received")
            .field("event_type", &self.message.event_type)
            .field("publisher_id", &self.message.publisher_id)
            .field("priority", &self.message.priority)
            .field("message_id", &self.message.message_id)
            .finish_non_exhaustive()
    }
}
