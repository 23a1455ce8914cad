//! A call that waits for its reply.

use std::ops::{Deref, DerefMut};

use super::listener::Inbox;
use super::replies::Slot;
use crate::deadline::Deadline;
use crate::transport::Destination;

/// A call that waits for its reply in `slot`. Dropped before that has come, it tells the servers of its target, if its request
/// may have left.
pub(super) struct Pending<'a> {
    slot: Slot,
    destination: &'a Destination,
    deadline: Deadline,
    /// Whether servers are told at all.
    is_cancellable: bool,
    /// Where progress goes, if the caller listens.
    inbox: Option<&'a Inbox>,
    may_have_left: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(
        slot: Slot,
        destination: &'a Destination,
        deadline: Deadline,
        is_cancellable: bool,
        inbox: Option<&'a Inbox>,
    ) -> Self {
        let pending = Self { slot, destination, deadline, is_cancellable, inbox, may_have_left: false };
        pending.listen();
        pending
    }

    /// The request is about to leave.
    pub(super) fn leaves(&mut self) {
        self.slot.leaves();
        self.may_have_left = true;
    }

    /// The request has not left after all.
    pub(super) const fn has_not_left(&mut self) {
        self.may_have_left = false;
    }

    /// Waits in another place, since the request has not left.
    pub(super) fn moves(&mut self, slot: Slot) {
        self.slot = slot;
        self.may_have_left = false;
        self.listen();
    }

    fn listen(&self) {
        if let Some(inbox) = self.inbox {
            self.slot.listen_for_progress(Inbox::clone(inbox));
        }
    }

    /// The call has ended, and the caller knows how.
    pub(super) const fn ended(&mut self) {
        self.may_have_left = false;
    }
}

impl Deref for Pending<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.slot
    }
}

impl DerefMut for Pending<'_> {
    fn deref_mut(&mut self) -> &mut Slot {
        &mut self.slot
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.is_cancellable
            && self.may_have_left
            && let Destination::Request(target) = self.destination
            // Otherwise its reply is there already.
            && self.slot.give_back()
        {
            self.slot.cancel(target, self.deadline);
        }
    }
}
