//! Publishing with confirms.
//!
//! One task owns the publishing channel. It hands messages to the client library one after another, keeps many of them
//! unconfirmed at a time, and awaits every confirm to its end, even when the caller is gone: a confirm that is dropped
//! is never freed by the library. Until a message is handed over it stays in a queue of ours, from which an expired
//! one is taken out; so "not sent" is the truth.

mod actor;
mod confirms;
mod flight;
mod lane;
mod slot;

use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use rpc_core::{Code, Deadline, Error, Executed, Phase};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::actor::Actor;
use self::slot::Slot;
use crate::link::Link;
use crate::topology::{Declaration, Route};

/// Messages that wait to be handed over. Further publishers wait for a place, until their deadline.
const QUEUE_LENGTH: usize = 4_096;

/// A message ready to be published.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) route: Route,
    /// Declared before the message is handed over, besides what the route needs.
    pub(crate) also_needs: Vec<Declaration>,
    /// Declare again what is believed to exist.
    pub(crate) doubt: bool,
    pub(crate) properties: BasicProperties,
    /// When the times in the properties were true.
    pub(crate) since: Instant,
    pub(crate) body: Bytes,
}

/// The door to the task that publishes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<Slot>,
    link: Link,
    closing: CancellationToken,
    aborted: CancellationToken,
}

impl Publisher {
    /// Starts the task on the runtime that this is called in.
    pub(crate) fn start(link: Link) -> Self {
        let (queue, slots) = mpsc::channel(QUEUE_LENGTH);
        let (closing, aborted) = (CancellationToken::new(), CancellationToken::new());
        let actor = Actor::new(slots, link.watch(), closing.clone(), aborted.clone());
        tokio::spawn(actor.run());
        Self { queue, link, closing, aborted }
    }

    /// Publishes, and resolves when the broker has confirmed, refused or returned the message, at `deadline` at the
    /// latest. Dropping the future before the message was handed over sends nothing.
    pub(crate) async fn publish(&self, outgoing: Outgoing, deadline: Deadline) -> Result<(), Error> {
        if self.closing.is_cancelled() {
            return Err(closed());
        }
        self.refuse_what_cannot_work()?;
        let until = Instant::now() + deadline.remaining();
        if deadline.has_passed() {
            return Err(self.not_handed_over());
        }
        let place = match tokio::time::timeout_at(until, self.queue.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(closed()),
            Err(_) => return Err(self.not_handed_over()),
        };
        let (slot, mut ticket) = Slot::new(outgoing, until);
        place.send(slot);
        let outcome = tokio::time::timeout_at(until, ticket.outcome()).await;
        if let Ok(Some(outcome)) = outcome {
            return outcome;
        }
        // Too late, or dropped without a word: the task ended, or found the message expired.
        match (outcome, ticket.take_back()) {
            (Ok(_), true) if self.closing.is_cancelled() => Err(closed()),
            (_, true) => Err(self.not_handed_over()),
            (Ok(_), false) => {
                Err(unknown("the transport was closed before the broker confirmed the message"))
            }
            (Err(_), false) => Err(Error::new(
                Code::DeadlineExceeded,
                "handed to the broker, which has not confirmed it by the deadline",
            )
            .with_executed(Executed::Unknown)
            .with_phase(Phase::Publish)),
        }
    }

    /// Takes nothing more, and waits until what was taken is confirmed, `grace` at the longest.
    pub(crate) async fn close(&self, grace: Duration) {
        self.closing.cancel();
        // The task drops its end of the queue when it is done.
        let _ = tokio::time::timeout(grace, self.queue.closed()).await;
        self.aborted.cancel();
    }

    /// A login that the broker refuses does not get better by waiting for the deadline.
    fn refuse_what_cannot_work(&self) -> Result<(), Error> {
        let view = self.link.view();
        match &view.last_error {
            Some(refusal) if view.session.is_none() && refusal.is_final() => {
                Err(refusal.error("not connected to the broker").with_retryable(true))
            }
            _ => Ok(()),
        }
    }

    /// Why a message was still in our queue at its deadline.
    fn not_handed_over(&self) -> Error {
        let view = self.link.view();
        let error = match (&view.blocked, &view.session, &view.last_error) {
            (Some(reason), ..) => {
                Error::new(Code::Unavailable, format!("broker blocked, it accepts no publishes: {reason}"))
            }
            (None, None, Some(refusal)) => {
                Error::new(refusal.code(), format!("not connected to the broker: {}", refusal.text))
                    .with_retryable(true)
            }
            _ => Error::new(Code::DeadlineExceeded, "the deadline passed before the message could be sent"),
        };
        error.with_executed(Executed::NotSent).with_phase(Phase::Publish)
    }
}

/// The error of everything after the transport was closed.
pub(crate) fn closed() -> Error {
    Error::new(Code::Unavailable, "the transport is closed")
        .with_executed(Executed::NotSent)
        .with_retryable(false)
        .with_phase(Phase::Publish)
}

/// The error of what was handed over and never heard of again.
fn unknown(text: impl Into<String>) -> Error {
    Error::new(Code::Unavailable, text).with_executed(Executed::Unknown).with_phase(Phase::Publish)
}
