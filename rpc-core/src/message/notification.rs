//! An event on its way to collectors.

use crate::context::Context;
use crate::identity::MessageId;
use crate::payload::Payload;
use crate::priority::Priority;

/// An event on its way to collectors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotificationMessage {
    /// Unique per event, the same when it is sent or delivered again.
    pub message_id: MessageId,
    /// Who emitted it, such as `conductor.cell-1`.
    pub publisher_id: String,
    /// What happened, such as `baremetal.node.power_set`.
    pub event_type: String,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was emitted, in milliseconds since the Unix epoch by the publisher's clock.
    pub timestamp_ms: u64,
    /// The event's data.
    pub payload: Payload,
    /// On whose behalf it happened.
    pub context: Context,
    /// Its place in the history that it was read from; `None` when it came from a queue. Never sent.
    pub offset: Option<u64>,
}

impl NotificationMessage {
    /// An event with a new message id, priority info, a new context and no time.
    #[must_use]
    pub fn new(publisher_id: impl Into<String>, event_type: impl Into<String>, payload: Payload) -> Self {
        Self {
            message_id: MessageId::random(),
            publisher_id: publisher_id.into(),
            event_type: event_type.into(),
            priority: Priority::default(),
            timestamp_ms: 0,
            payload,
            context: Context::new(),
            offset: None,
        }
    }
}
