//! The hand-over of one message from its caller to the task that publishes.
//!
//! Caller and task race for the content: whoever takes it first decides. When the caller is first, at its deadline or
//! because its future was dropped, the message is never sent; when the task is first, the message is on its way.

use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::Error;
use rpc_core::transport::OnFailure;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::Outgoing;
use super::caller::{Caller, Outcome};

/// A message, with its share of the bytes that may wait. The share is given back when either side takes the message:
/// the places of messages that were taken back may wait in the queue for long.
type Content = Arc<Mutex<Option<(Outgoing, OwnedSemaphorePermit)>>>;

/// The task's side.
pub(super) struct Slot {
    content: Content,
    until: Instant,
    caller: Caller,
}

/// A message that the task has taken.
pub(super) struct Taken {
    pub(super) outgoing: Outgoing,
    /// Until when its caller waits.
    pub(super) until: Instant,
    pub(super) caller: Caller,
}

/// The caller's side. Dropping it takes the message back, if that is still possible.
pub(super) struct Ticket {
    content: Content,
    outcome: oneshot::Receiver<Outcome>,
}

impl Slot {
    pub(super) fn new(outgoing: Outgoing, share: OwnedSemaphorePermit, until: Instant) -> (Self, Ticket) {
        let content = Arc::new(Mutex::new(Some((outgoing, share))));
        let (sender, receiver) = oneshot::channel();
        (
            Self { content: Arc::clone(&content), until, caller: Caller::Waits(sender) },
            Ticket { content, outcome: receiver },
        )
    }

    /// Of a message that nobody waits for, so that nobody takes it back.
    pub(super) fn posted(
        outgoing: Outgoing,
        share: OwnedSemaphorePermit,
        until: Instant,
        on_failure: OnFailure,
    ) -> Self {
        let content = Arc::new(Mutex::new(Some((outgoing, share))));
        Self { content, until, caller: Caller::Hears(on_failure) }
    }

    /// What `look` finds in the message, unless its caller has taken it back or its time is over.
    pub(super) fn look<T>(&self, now: Instant, look: impl FnOnce(&Outgoing) -> T) -> Option<T> {
        if now >= self.until {
            return None;
        }
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.as_ref().map(|(outgoing, _)| look(outgoing))
    }

    /// The message, unless its caller has taken it back or its time is over.
    pub(super) fn take(self, now: Instant) -> Option<Taken> {
        if now >= self.until {
            return None;
        }
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner).take();
        content.map(|(outgoing, _)| Taken { outgoing, until: self.until, caller: self.caller })
    }

    /// Tells the caller why the message is not sent.
    pub(super) fn refuse(self, error: Error) {
        // Taken out first: a caller that has been told must find nothing to take back.
        drop(self.content.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.caller.tell(Err(error));
    }
}

impl Ticket {
    /// What became of the message; `None` when the task ended without a word.
    pub(super) async fn outcome(&mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }

    /// Whether the message was still there to be taken back. It will not be sent then.
    pub(super) fn take_back(&self) -> bool {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.take_back();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::topology::Route;

    fn slot(waiting: &Arc<Semaphore>, until: Instant) -> (Slot, Ticket) {
        let route = Route { exchange: String::new(), key: "k".into(), mandatory: true, needs: Vec::new() };
        let share = Arc::clone(waiting).try_acquire_many_owned(3).unwrap();
        Slot::new(Outgoing::new(route, lapin::BasicProperties::default(), Bytes::new()), share, until)
    }

    #[test]
    fn whoever_takes_it_first_decides() {
        let now = Instant::now();
        let waiting = Arc::new(Semaphore::new(3));
        let (taken, ticket) = slot(&waiting, now + Duration::from_secs(1));
        assert!(taken.look(now, |_| ()).is_some() && taken.take(now).is_some() && !ticket.take_back());
        let (given_up, ticket) = slot(&waiting, now + Duration::from_secs(1));
        assert!(ticket.take_back() && given_up.look(now, |_| ()).is_none() && given_up.take(now).is_none());
        let (dropped, ticket) = slot(&waiting, now + Duration::from_secs(1));
        drop(ticket);
        assert!(dropped.take(now).is_none());
        let (late, ticket) = slot(&waiting, now);
        assert!(late.look(now, |_| ()).is_none() && late.take(now).is_none() && ticket.take_back());
    }

    #[test]
    fn its_share_of_the_bytes_goes_with_the_message() {
        let now = Instant::now();
        let waiting = Arc::new(Semaphore::new(3));
        let (slot, ticket) = slot(&waiting, now + Duration::from_secs(1));
        assert_eq!(waiting.available_permits(), 0);
        // The place stays in the queue until the task comes to it.
        drop(ticket);
        assert_eq!(waiting.available_permits(), 3);
        assert!(slot.take(now).is_none());
    }
}
