//! Publishing with nobody waiting.

use std::sync::Arc;

use rpc_core::Deadline;
use rpc_core::transport::OnFailure;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::slot::Slot;
use super::{Outgoing, Publisher, kibibytes};

/// What the properties of a message are taken to need, in octets, before they are there.
const PROPERTIES: usize = 1_024;

/// A place in front of the task that publishes.
pub(crate) struct Post<'a> {
    place: mpsc::Permit<'a, Slot>,
    share: OwnedSemaphorePermit,
}

impl Publisher {
    /// A place for a reply with a body of `size` octets, if it can be handed over soon: when the link is broken or blocked,
    /// or others wait for room, nobody should send on without having to wait, too.
    pub(crate) fn post(&self, size: usize) -> Option<Post<'_>> {
        if self.closing.is_cancelled() || !self.link.is_open() {
            return None;
        }
        let share =
            Arc::clone(&self.waiting).try_acquire_many_owned(kibibytes(size.saturating_add(PROPERTIES)));
        Some(Post { share: share.ok()?, place: self.door.try_reserve()? })
    }
}

impl Post<'_> {
    /// Sends the message, unless it cannot be handed over before `deadline`.
    pub(crate) fn send(self, outgoing: Outgoing, deadline: Deadline, on_failure: OnFailure) {
        let until = Instant::now() + deadline.remaining();
        self.place.send(Slot::posted(outgoing, self.share, until, on_failure));
    }
}
