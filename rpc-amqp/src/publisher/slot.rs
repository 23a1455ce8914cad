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
