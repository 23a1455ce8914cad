//! A call that waits for its reply.

use std::ops::{Deref, DerefMut};

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
    may_have_left: bool,
}

impl<'a> Pending<'a> {
    pub(super) const fn new(
        slot: Slot,
        destination: &'a Destination,
        deadline: Deadline,
        is_cancellable: bool,
    ) -> Self {
        Self { slot, destination, deadline, is_cancellable, may_have_left: false }
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
