//! Whoever hears what became of a message.

use rpc_core::Error;
use rpc_core::transport::OnFailure;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

pub(super) type Outcome = Result<(), Error>;

/// Whoever hears what became of a message.
#[derive(Debug)]
pub(super) enum Caller {
    /// A future that waits, until it is dropped.
    Waits(oneshot::Sender<Outcome>),
    /// Nobody who waits, and somebody who hears of failure.
    Hears(OnFailure),
}

impl Caller {
    /// A caller that is gone needs no word.
    pub(super) fn tell(self, outcome: Outcome) {
        match self {
            Self::Waits(waits) => drop(waits.send(outcome)),
            Self::Hears(hears) => hears.tell(outcome),
        }
    }

    /// Whether the outcome of its message, of which it wanted to hear until then, still means anything to it.
    pub(super) fn is_gone(&self, until: Instant, now: Instant) -> bool {
        match self {
            Self::Waits(waits) => waits.is_closed(),
            Self::Hears(_) => until <= now,
        }
    }

    /// Resolves when it [is gone](Self::is_gone).
    pub(super) async fn gone(&mut self, until: Instant) {
        match self {
            Self::Waits(waits) => waits.closed().await,
            Self::Hears(_) => sleep_until(until).await,
        }
    }
}
