//! The hand-over of one message from its caller to the task that publishes.
//!
//! Caller and task race for the content: whoever takes it first decides. When the caller is first, at its deadline or
//! because its future was dropped, the message is never sent; when the task is first, the message is on its way.

use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Outgoing;

pub(super) type Outcome = Result<(), Error>;

/// The task's side.
pub(super) struct Slot {
    content: Arc<Mutex<Option<Outgoing>>>,
    until: Instant,
    outcome: oneshot::Sender<Outcome>,
}

/// The caller's side. Dropping it takes the message back, if that is still possible.
pub(super) struct Ticket {
    content: Arc<Mutex<Option<Outgoing>>>,
    outcome: oneshot::Receiver<Outcome>,
}

impl Slot {
    pub(super) fn new(outgoing: Outgoing, until: Instant) -> (Self, Ticket) {
        let content = Arc::new(Mutex::new(Some(outgoing)));
        let (sender, receiver) = oneshot::channel();
        (
            Self { content: Arc::clone(&content), until, outcome: sender },
            Ticket { content, outcome: receiver },
        )
    }

    /// What `look` finds in the message, unless its caller has taken it back or its time is over.
    pub(super) fn look<T>(&self, now: Instant, look: impl FnOnce(&Outgoing) -> T) -> Option<T> {
        if now >= self.until {
            return None;
        }
        self.content.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// The message, unless its caller has taken it back or its time is over.
    pub(super) fn take(self, now: Instant) -> Option<(Outgoing, oneshot::Sender<Outcome>)> {
        if now >= self.until {
            return None;
        }
        let outgoing = self.content.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((outgoing, self.outcome))
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

    use super::*;
    use crate::topology::Route;

    fn slot(until: Instant) -> (Slot, Ticket) {
        let route = Route { exchange: String::new(), key: "k".into(), mandatory: true, needs: Vec::new() };
        let since = Instant::now();
        let properties = lapin::BasicProperties::default();
        let body = Bytes::new();
        Slot::new(Outgoing { route, also_needs: Vec::new(), doubt: false, properties, since, body }, until)
    }

    #[test]
    fn whoever_takes_it_first_decides() {
        let now = Instant::now();
        let (taken, ticket) = slot(now + Duration::from_secs(1));
        assert!(taken.look(now, |_| ()).is_some() && taken.take(now).is_some() && !ticket.take_back());
        let (given_up, ticket) = slot(now + Duration::from_secs(1));
        assert!(ticket.take_back() && given_up.look(now, |_| ()).is_none() && given_up.take(now).is_none());
        let (dropped, ticket) = slot(now + Duration::from_secs(1));
        drop(ticket);
        assert!(dropped.take(now).is_none());
        let (late, ticket) = slot(now);
        assert!(late.look(now, |_| ()).is_none() && late.take(now).is_none() && ticket.take_back());
    }
}
