//! Publishing with confirms.
//!
//! One task owns the publishing channel. It hands messages to the connection one after another, keeps many of them
//! unconfirmed at a time, and awaits every confirm to its end, even when the caller is gone: what is on its way is counted
//! until then. Until a message is handed over it stays in a queue of ours, from which an expired one is taken out; so "not
//! sent" is the truth.
//!
//! What the broker has not accepted in this epoch takes a channel of its own first ([`introduction`]), what it has
//! refused is not sent for a while ([`quarantine`]), and how much may be on its way is decided by a state machine without
//! a clock ([`gate`]).
//!
//! While the broker is blocked nothing is handed over. What was handed over shortly before is at most what the gate
//! admits, and its outcome is unknown at the latest at its caller's deadline. Messages that the connection still holds then
//! die with their connection. Those that were written to the socket may wait in front of the broker; when it reads them
//! after the block they have the time to live that they had when they were written, and so may run late. They are the
//! ones that were reported as unknown.

mod actor;
mod asking;
mod caller;
mod confirm_channel;
mod confirms;
mod culprit;
mod flight;
mod gate;
mod intake;
mod introduction;
mod introductions;
mod lane;
mod later;
mod message;
mod patience;
mod post;
mod quarantine;
mod renewal;
mod slot;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::{Code, Deadline, Error, Executed, Phase};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::actor::Actor;
use self::intake::{Door, intake};
use self::patience::Patience;
use self::slot::Slot;
use crate::link::{Link, Refusal};
use crate::topology::{Declaration, Route};
use crate::wire::Properties;

/// Messages that wait to be handed over, in each of two queues. Further publishers wait for a place, until their deadline.
const QUEUE_LENGTH: usize = 4_096;
/// KiB of messages that wait to be handed over: 64 MiB. One message may always wait, however large.
const QUEUE_KIB: u32 = 64 * 1_024;

/// A message ready to be published.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) route: Route,
    /// Declared before the message is handed over, besides what the route needs.
    pub(crate) also_needs: Vec<Declaration>,
    /// Declare again what is believed to exist.
    pub(crate) doubt: bool,
    /// Whether somebody waits for it, or for the answer to it.
    pub(crate) is_awaited: bool,
    /// Whether its caller may be told late that it was confirmed.
    pub(crate) is_quiet: bool,
    pub(crate) properties: Properties,
    /// When the times in the properties were true.
    pub(crate) since: Instant,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// A message that nobody waits for, as it is now.
    pub(crate) fn new(route: Route, properties: impl Into<Properties>, body: Bytes) -> Self {
        let (since, properties) = (Instant::now(), properties.into());
        Self {
            route,
            also_needs: Vec::new(),
            doubt: false,
            is_awaited: false,
            is_quiet: false,
            properties,
            since,
            body,
        }
    }
}

/// The door to the task that publishes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    door: Door,
    /// KiB that may still wait.
    waiting: Arc<Semaphore>,
    blocked_timeout: Duration,
    link: Link,
    closing: CancellationToken,
    aborted: CancellationToken,
}

impl Publisher {
    /// Starts the task on the runtime that this is called in.
    pub(crate) fn start(link: Link, blocked_timeout: Duration) -> Self {
        let (door, slots) = intake(QUEUE_LENGTH);
        let (closing, aborted) = (CancellationToken::new(), CancellationToken::new());
        let actor = Actor::new(slots, link.watch(), closing.clone(), aborted.clone());
        tokio::spawn(actor.run());
        let waiting = Arc::new(Semaphore::new(QUEUE_KIB as usize));
        Self { door, waiting, blocked_timeout, link, closing, aborted }
    }

    /// Publishes, and resolves when the broker has confirmed, refused or returned the message, at `deadline` at the
    /// latest; earlier, with nothing sent, when the broker is blocked for too long. Dropping the future before the
    /// message was handed over sends nothing.
    pub(crate) async fn publish(&self, outgoing: Outgoing, deadline: Deadline) -> Result<(), Error> {
        if self.closing.is_cancelled() {
            return Err(closed());
        }
        self.refuse_what_cannot_work()?;
        let called = Instant::now();
        let until = called + deadline.remaining();
        if until == called {
            return Err(self.not_handed_over());
        }
        let patience = Patience::new(called, until, self.blocked_timeout);
        let size = kibibytes(outgoing.properties.size().saturating_add(outgoing.body.len()));
        let is_awaited = outgoing.is_awaited;
        let enter = async {
            let share = Arc::clone(&self.waiting).acquire_many_owned(size).await.ok()?;
            Some((share, self.door.reserve(is_awaited).await?))
        };
        let (share, place) = match self.patiently(patience, enter).await {
            Some(Some(entered)) => entered,
            Some(None) => return Err(closed()),
            None => return Err(self.not_handed_over()),
        };
        let (slot, mut ticket) = Slot::new(outgoing, share, until);
        place.send(slot);
        match self.patiently(patience, ticket.outcome()).await {
            Some(Some(outcome)) => outcome,
            // Dropped without a word: the task ended, or found the message expired.
            Some(None) if !ticket.take_back() => {
                Err(unknown("the transport was closed before the broker confirmed the message"))
            }
            Some(None) if self.closing.is_cancelled() => Err(closed()),
            Some(None) => Err(self.not_handed_over()),
            None if ticket.take_back() => Err(self.not_handed_over()),
            // On its way, so that only the deadline ends the wait.
            None => match tokio::time::timeout_at(until, ticket.outcome()).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => Err(unknown("the transport was closed before the broker confirmed the message")),
                Err(_) => Err(self.not_confirmed()),
            },
        }
    }

    /// Whether the broker takes nothing at the moment.
    pub(crate) fn is_blocked(&self) -> bool {
        self.link.view().blocked.is_some()
    }

    /// The end of `work`, unless patience ends before.
    async fn patiently<T>(&self, patience: Patience, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut moment = patience.first();
        loop {
            if let Ok(done) = tokio::time::timeout_at(moment, &mut work).await {
                return Some(done);
            }
            let blocked_since = self.link.view().blocked_since();
            moment = patience.next(Instant::now(), blocked_since)?;
        }
    }

    /// Takes nothing more, and waits until what was taken is confirmed, `grace` at the longest.
    pub(crate) async fn close(&self, grace: Duration) {
        self.closing.cancel();
        // The task drops its end of the queue when it is done.
        let _ = tokio::time::timeout(grace, self.door.closed()).await;
        self.aborted.cancel();
    }

    /// A login that the broker refuses does not get better by waiting for the deadline.
    fn refuse_what_cannot_work(&self) -> Result<(), Error> {
        self.link.view().refusal().map_or(Ok(()), |refusal| Err(not_connected(refusal)))
    }

    /// Why a message that was handed over has no outcome at its deadline.
    fn not_confirmed(&self) -> Error {
        let blocked = self.link.view().blocked;
        let why = blocked.map_or_else(String::new, |reason| format!("; the broker is blocked: {reason}"));
        let text = format!("handed to the broker, which has not confirmed it by the deadline{why}");
        Error::new(Code::DeadlineExceeded, text).with_executed(Executed::Unknown).with_phase(Phase::Publish)
    }

    /// Why a message was still in our queue when its time was over.
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
            _ => expired(),
        };
        error.with_executed(Executed::NotSent).with_phase(Phase::Publish)
    }
}

/// The share of a message in what may wait.
fn kibibytes(size: usize) -> u32 {
    u32::try_from(size.div_ceil(1_024)).map_or(QUEUE_KIB, |share| share.min(QUEUE_KIB))
}

/// The error of everything while the broker refuses us. It may do so no longer when somebody tries again.
fn not_connected(refusal: &Refusal) -> Error {
    refusal.error("not connected to the broker").with_retryable(true)
}

/// The error of everything after the transport was closed.
pub(crate) fn closed() -> Error {
    Error::new(Code::Unavailable, "the transport is closed")
        .with_executed(Executed::NotSent)
        .with_retryable(false)
        .with_phase(Phase::Publish)
}

/// The error of a message whose time was over before it was handed over.
fn expired() -> Error {
    Error::new(Code::DeadlineExceeded, "the deadline passed before the message could be sent")
        .with_executed(Executed::NotSent)
        .with_phase(Phase::Publish)
}

/// The error of what was handed over and never heard of again.
fn unknown(text: impl Into<String>) -> Error {
    Error::new(Code::Unavailable, text).with_executed(Executed::Unknown).with_phase(Phase::Publish)
}
