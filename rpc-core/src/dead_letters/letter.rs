//! A message that was rejected, and why.

use std::time::SystemTime;

use crate::error::Code;
use crate::identity::MessageId;
use crate::message::{Malformed, Message};

/// A message that was rejected, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The exchange that it was sent to.
    pub exchange: String,
    /// The topic that it was sent to.
    pub topic: String,
    /// The queue that it was rejected from, as the broker calls it: that of the topic, of a server or of a pool.
    pub queue: String,
    /// What happened. [`Code::Malformed`] when it does not say.
    pub code: Code,
    /// In words.
    pub reason: String,
    /// When it was put away, by the clock of whoever did it; `None` when that cannot be told.
    pub rejected_at: Option<SystemTime>,
    /// Unique per message, if it has one.
    pub message_id: Option<MessageId>,
    /// The message, or why it could not be understood.
    pub message: Result<Message, Malformed>,
}

impl DeadLetter {
    /// A letter about which nothing is known but where it lies. For transports.
    #[must_use]
    pub fn new(
        exchange: impl Into<String>,
        topic: impl Into<String>,
        message: Result<Message, Malformed>,
    ) -> Self {
        Self {
            exchange: exchange.into(),
            topic: topic.into(),
            queue: String::new(),
            code: Code::Malformed,
            reason: String::new(),
            rejected_at: None,
            message_id: None,
            message,
        }
    }
}
