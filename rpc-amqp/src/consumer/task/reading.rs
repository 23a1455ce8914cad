//! What is different about streams.
//!
//! A stream keeps what was read, and the broker does not know who has read what. An acknowledgement only makes room for
//! more, and nothing can be given back: what a handler gives back stays here and is handed out again.

use std::sync::Arc;

use rpc_core::message::{Malformed, Message};
use rpc_core::transport::{Delivery, Settlement};

use super::Task;
use super::channel::OnChannel;
use crate::consumer::moving::{Moved, Outcome};
use crate::consumer::settler::{Original, Read};
use crate::wire::stream_offset;

impl OnChannel<'_> {
    /// Where a message stands in the stream that it came from, if it came from one.
    pub(super) fn offset(&self, original: &Original) -> Option<u64> {
        self.opened.queues[original.queue].stream?;
        stream_offset(original.properties.headers().as_ref())
    }

    /// The broker may forget the delivery.
    pub(super) fn done(&mut self, tag: u64) {
        if let Some((queue, offset)) = self.offsets.remove(&tag) {
            self.task.progress[queue].settle(offset);
        }
        self.telling.batch.ack(tag);
    }

    /// Hands a message of a stream out again, before those that were not handed out yet. Not when nothing more is wanted: whoever reads
    /// the stream next begins where it says.
    pub(super) fn hand_again(&mut self, tag: u64, mut original: Original, attempt: u32) {
        if self.task.deliveries.is_none() {
            return;
        }
        if let Some(read) = &mut original.read {
            read.attempt = attempt;
        }
        let message = self.decode(&original, false);
        let settle = Box::new(self.settler(tag, original));
        self.held.push_front(Delivery::new(message, false, settle));
    }
}

impl Read {
    /// Of a message that was handed out on so many `earlier` channels. It counts on from the attempt that it was sent as: its
    /// notifier may have sent it before.
    pub(super) fn of(message: &Result<Message, Malformed>, offset: u64, earlier: u32) -> Self {
        let sent = match message {
            Ok(Message::Notification(event)) => event.context.attempt,
            Ok(_) | Err(_) => 1,
        };
        Self { offset, attempt: sent.saturating_add(earlier) }
    }
}

impl Task {
    /// Takes in a decision about a delivery of a channel that is gone. Whoever made it was told that it counts, and for streams
    /// it can: what was acknowledged does not come again.
    pub(super) fn note_late(&mut self, settlement: &Settlement, original: &Original) {
        if let (Settlement::Ack, Some(read)) = (settlement, original.read) {
            self.progress[original.queue].settle(read.offset);
        }
    }
}

/// A message that could not be moved is still there if it came from a stream, and its `copy` is handed out again.
pub(super) fn kept(moved: Moved, copy: Option<Original>) -> Moved {
    match (moved, copy) {
        (Moved { tag, outcome: Outcome::Failed(error) }, Some(original)) => {
            tracing::warn!(%error, "cannot move an event of a history; it is handled again");
            Moved { tag, outcome: Outcome::NoRoom(Box::new(original)) }
        }
        (moved, _) => moved,
    }
}

/// Says where the message was read.
pub(super) fn placed(message: Result<Message, Malformed>, read: Option<Read>) -> Result<Message, Malformed> {
    message.map(|mut message| {
        let Some(read) = read else { return message };
        match &mut message {
            Message::Notification(event) => {
                let event = Arc::make_mut(event);
                (event.offset, event.context.attempt) = (Some(read.offset), read.attempt);
            }
            Message::Request(request) => Arc::make_mut(request).context.attempt = read.attempt,
            // No reply comes by way of a stream.
            Message::Reply(_) => {}
        }
        message
    })
}
