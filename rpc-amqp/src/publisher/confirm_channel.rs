//! A channel in confirm mode, with the messages in flight on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::{Code, Error, Executed, Phase};
use tokio::time::Instant;

use super::caller::Outcome;
use super::confirms::{Confirm as Complete, Confirms, Verdict};
use super::culprit::{Cause, Fate, culprit};
use super::flight::{Flight, Pending, Stranger};
use super::gate::{Gate, RouteId};
use super::later::Later;
use super::message::{Ready, refused};
use super::unknown;
use crate::library::{Channel, Confirmation, Place};
use crate::link::{Refusal, Session};

/// A channel in confirm mode, with the messages in flight on it.
pub(super) struct ConfirmChannel {
    channel: Channel,
    confirms: Confirms,
    flight: Flight,
    /// How many messages were handed over, for the guard.
    published: Arc<AtomicU64>,
    lost: Option<Refusal>,
    is_given_up: bool,
    /// Whether the broker has refused a message since this was asked last.
    has_refused: bool,
}

/// All confirms that had come, not looked at yet.
pub(super) struct Confirmed(lapin::Result<Vec<Confirmation>>);

impl ConfirmChannel {
    /// `channel` has to be in confirm mode, and nobody else publishes on it.
    pub(super) fn new(channel: Channel, session: &Session) -> Self {
        Self {
            published: session.published().on(channel.id()),
            channel,
            confirms: Confirms::default(),
            flight: Flight::default(),
            lost: None,
            is_given_up: false,
            has_refused: false,
        }
    }

    pub(super) fn publish(&mut self, ready: Ready, gate: &mut Gate) {
        let Ready { exchange, key, mandatory, properties, body, until, is_quiet, caller } = ready;
        let (route, size, now) = (RouteId::of(&exchange, &key), body.len(), Instant::now());
        let id = self.flight.id(properties.message_id(), &body);
        // Before the frames, so that their confirm finds it counted.
        self.published.fetch_add(1, Ordering::Release);
        let to = Place { exchange: &exchange, key: &key, mandatory };
        let queued = match self.channel.publish(to, &properties, &body) {
            Ok(queued) => queued,
            Err(error) => {
                return caller.tell(Err(self.refuse_unsent(&error)));
            }
        };
        gate.handed_over(route, size, now);
        let (exchange, key) = (exchange.into(), key.into());
        let position = queued.position;
        self.flight.add(
            queued.tag,
            Pending { id, exchange, key, route, size, position, since: now, until, is_quiet, caller },
        );
    }

    /// The next confirms; `None` when nothing is in flight. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Confirmed> {
        if self.is_idle() {
            return None;
        }
        Some(Confirmed(self.channel.confirmed().await))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.flight.is_empty()
    }

    /// To ask something on.
    pub(super) const fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// Whether the connection still holds a message that is past its caller's deadline.
    ///
    /// It would be written whenever the broker reads again, however late, with the time to live that it had when it
    /// was handed over.
    pub(super) fn holds_expired(&self, now: Instant) -> bool {
        self.flight.has_expired_since(self.channel.position(), now)
    }

    /// Why nothing more can be published on it.
    pub(super) const fn lost(&self) -> Option<&Refusal> {
        self.lost.as_ref()
    }

    /// Gives the channel up.
    pub(super) fn lose(&mut self, cause: &str) {
        if self.lost.is_none() {
            self.lost = Some(Refusal::lost(cause));
            self.is_given_up = true;
        }
    }

    /// Whether the broker has refused a message since this was asked last.
    pub(super) const fn take_refused(&mut self) -> bool {
        std::mem::replace(&mut self.has_refused, false)
    }

    /// Gives up on the messages in flight: their outcome is unknown.
    pub(super) fn abandon(&mut self, refusal: &Refusal, gate: &mut Gate) {
        let now = Instant::now();
        for pending in self.flight.drain() {
            gate.settled(pending.route, pending.size, now);
            let cause = &refusal.text;
            pending.caller.tell(Err(unknown(format!(
                "the channel was lost before the broker confirmed the message: {cause}"
            ))));
        }
    }

    /// Whether it was given up, and had not ended by itself.
    pub(super) const fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Whether messages can be handed to it.
    pub(super) fn is_usable(&self) -> bool {
        self.channel.is_usable()
    }

    /// A publish that fails met a channel that had ended: nothing of it was queued.
    fn refuse_unsent(&mut self, error: &lapin::Error) -> Error {
        let refusal = Refusal::from_answer(error);
        let error = unread(&refusal.text);
        // Those in flight are told why, and fail at once.
        if self.is_idle() {
            self.lost.get_or_insert(refusal);
        }
        error
    }

    /// Takes in all confirms that had come: only together do they say which message was returned.
    pub(super) fn settle(&mut self, Confirmed(confirmed): Confirmed, gate: &mut Gate, later: &mut Later) {
        let confirmed = match confirmed {
            Ok(confirmed) => confirmed,
            Err(error) => {
                self.lost.get_or_insert_with(|| Refusal::from_answer(&error));
                return;
            }
        };
        let complete: Result<Vec<Complete>, Stranger> =
            confirmed.into_iter().map(|it| self.complete(it)).collect();
        let Ok(complete) = complete else {
            // Its id was overwritten, on its way or by the guard below. Whose it was nobody can tell, so none of these may
            // be called routed, nor any that is held: with the channel given up, all of them are unknown.
            self.lose("a message came back that cannot be told from the others");
            return;
        };
        let now = Instant::now();
        for (number, verdict) in self.confirms.take_in(&complete) {
            self.has_refused |= verdict == Verdict::Refused;
            if let Some(pending) = self.flight.remove(number) {
                gate.settled(pending.route, pending.size, now);
                if verdict == Verdict::Confirmed && pending.is_quiet {
                    later.confirmed(pending.caller, pending.until, now);
                    continue;
                }
                let outcome = outcome(verdict, &pending.exchange, &pending.key);
                pending.caller.tell(outcome);
            }
        }
    }

    fn complete(&mut self, confirmation: Confirmation) -> Result<Complete, Stranger> {
        let Confirmation { tag: number, acknowledged, returned } = confirmation;
        let carried = self.flight.whose(returned.as_deref())?;
        Ok(Complete { number, acknowledged, carried })
    }

    /// Finds what the broker refused, tells everybody in flight what became of the message, and returns what nothing
    /// may be sent for now: an exchange, or nothing in particular.
    pub(super) fn end(&mut self, refusal: &Refusal) -> Option<Box<str>> {
        let culprit = culprit(refusal, self.flight.suspects());
        let fates: Vec<_> =
            self.flight.suspects().map(|it| culprit.map_or(Fate::Unknown, |c| c.fate(it))).collect();
        let what = culprit.map(|culprit| match culprit.cause {
            Cause::Exchange(name) => name.into(),
            Cause::Size(_) => Box::default(),
        });
        let cause = &refusal.text;
        for (pending, fate) in self.flight.drain().zip(fates) {
            let error = match fate {
                Fate::Unknown => {
                    unknown(format!("the link was lost before the broker confirmed the message: {cause}"))
                }
                Fate::Refused => refused("the broker refused the message", refusal),
                Fate::Ignored => unread(cause),
            };
            pending.caller.tell(Err(error));
        }
        what
    }
}

/// The error of a message that was handed over after the broker had stopped to read.
fn unread(cause: &str) -> Error {
    let message = format!("the channel ended before the message was sent: {cause}");
    Error::new(Code::Unavailable, message).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}

/// What the caller is told.
pub(super) fn outcome(verdict: Verdict, exchange: &str, key: &str) -> Outcome {
    let (code, what) = match verdict {
        Verdict::Confirmed => return Ok(()),
        Verdict::Returned => (Code::Unroutable, "no queue takes it"),
        Verdict::Refused => (Code::Overloaded, "the broker refused the message, its queue is full"),
    };
    let message = format!("{what} (exchange {exchange:?}, routing key {key:?})");
    Err(Error::new(code, message).with_executed(Executed::NotSent))
}
