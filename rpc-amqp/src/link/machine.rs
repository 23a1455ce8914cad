//! When to dial, which node, and how long to wait: the supervisor's decisions, without clock, chance or sockets.
//!
//! ```text
//!              ┌──────── Failed ────────┐
//!              ▼                        │
//! start ──► Pause ── PauseOver ──► Dial(node) ── Connected ──► Live ── Ended ──► Bury ── Buried ──► Pause
//! ```
//!
//! The supervisor does what an [`Action`] says, and what comes of it is the next [`Event`]; [`Event::Stop`] may come at
//! any time.
//!
//! # Why the pauses are short, and still no storm
//!
//! A link has to work again within 3 s of the end of a fault, however long the fault was, so the bound of the random
//! pause cannot grow to the usual ten seconds or more: [`LONGEST`] is 1.5 s. Two rules replace the longer one.
//! Attempts of one connection that a broker may have seen start at least [`SPACING`] apart, so the two connections of a
//! process cost it at most two a second, whatever flaps; and every pause has chance in it, so that a thousand processes
//! that lost their broker in one moment come back spread over the bound. A longer bound would save little: an attempt
//! that a struggling broker leaves without an answer lasts 2.8 s itself, and one that is refused by the system costs the
//! broker nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::LONGEST;
use crate::random::below;

#[cfg(test)]
mod proof;

/// Attempts of one connection that were accepted by anybody are so far apart at least, from start to start.
pub(super) const SPACING: Duration = Duration::from_secs(1);
/// The bound of the first pause after a good epoch; it doubles with every failure, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
/// An epoch that lasted so long was a good one: the next pause starts small again.
const GOOD_EPOCH: Duration = Duration::from_secs(30);
/// How long to wait after a refusal that only a person can change.
const FINAL_PAUSE: Duration = Duration::from_secs(30);
/// How far those waits are spread.
const FINAL_SPREAD: Duration = Duration::from_secs(3);
/// How long to wait after an internal error of the broker, which it may answer to what we declare.
const BROKER_ERROR_PAUSE: Duration = Duration::from_secs(2);

/// What came of the last action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The pause is over.
    PauseOver,
    /// During a pause the other connection of the process was taken by a node.
    OtherReached,
    /// The node did not take us.
    Failed(Failure),
    /// The node took us.
    Connected,
    /// The epoch is over.
    Ended(Ending),
    /// What is left of the epoch is gone, or was given up.
    Buried,
    /// The link is wanted no more.
    Stop,
}

/// How an attempt failed, as far as it matters for the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// Nobody accepted a connection: no broker has seen the attempt.
    Unreached,
    /// Somebody accepted, and then there was no login.
    Unanswered,
    /// 541, an internal error of the broker.
    BrokerError,
    /// One side does not accept the other's certificate. Another node may have a better one.
    Untrusted,
    /// The login or the vhost was refused. The nodes share both.
    Refused,
}

/// How an epoch ended, as far as it matters for the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// Lost, closed or given up.
    Lost,
    /// 541, an internal error of the broker.
    BrokerError,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Wait until then.
    Pause(Instant),
    /// Open a connection to the node of this index.
    Dial(usize),
    /// Announce the epoch, and watch over it.
    Live,
    /// Shut the socket down, and wait until it was let go.
    Bury,
    /// Leave the broker in order.
    Leave,
    /// Nothing more.
    End,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Connecting,
    Ready { since: Instant },
    Dying,
    Closed,
}

/// The decisions for one connection that is kept up.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    state: State,
    /// The nodes in an order of chance.
    order: Vec<usize>,
    /// Where in `order` the next attempt goes.
    next: usize,
    /// Attempts since the last pause between rounds.
    tried: usize,
    /// Whether every attempt of this round met a certificate that is not accepted.
    all_untrusted: bool,
    /// Whether nothing but a person can help.
    refused: bool,
    /// Failures since the last good epoch.
    failures: u32,
    last_dial: Instant,
    /// When the pause is over.
    until: Instant,
    /// No event makes the pause shorter than this.
    not_before: Instant,
}

impl Machine {
    /// For the nodes in `order`, of which there is at least one; `now` counts as the start of an attempt. The next one
    /// goes to the first node.
    pub(super) fn new(now: Instant, order: Vec<usize>) -> Self {
        Self {
            state: State::Connecting,
            order,
            next: 0,
            tried: 0,
            all_untrusted: true,
            refused: false,
            failures: 0,
            last_dial: now,
            until: now,
            not_before: now,
        }
    }

    /// What to do after `event`; `chance` is any number, evenly distributed.
    pub(super) fn step(&mut self, now: Instant, event: Event, chance: u64) -> Action {
        match event {
            Event::PauseOver => self.dial(now),
            Event::OtherReached => {
                // A login that was refused to this connection has just been granted to the other.
                self.until = self.until.min(self.not_before.max(now));
                Action::Pause(self.until)
            }
            Event::Failed(failure) => self.failed(now, failure, chance),
            Event::Connected => {
                self.state = State::Ready { since: now };
                self.refused = false;
                self.new_round();
                Action::Live
            }
            Event::Ended(ending) => {
                if matches!(self.state, State::Ready { since } if now.duration_since(since) >= GOOD_EPOCH) {
                    self.failures = 0;
                }
                self.state = State::Dying;
                self.not_before = match ending {
                    Ending::Lost => now,
                    Ending::BrokerError => now + BROKER_ERROR_PAUSE,
                };
                Action::Bury
            }
            Event::Buried => {
                self.state = State::Connecting;
                self.pause(now, chance)
            }
            Event::Stop => {
                let was = std::mem::replace(&mut self.state, State::Closed);
                if matches!(was, State::Ready { .. }) { Action::Leave } else { Action::End }
            }
        }
    }

    /// Whether nothing but a person can help, as far as the attempts so far say.
    pub(super) const fn is_refused(&self) -> bool {
        self.refused
    }

    fn dial(&mut self, now: Instant) -> Action {
        self.last_dial = now;
        self.tried += 1;
        let node = self.order[self.next % self.order.len()];
        // The next attempt goes to the next node, whether this one fails or is lost later.
        self.next = (self.next + 1) % self.order.len();
        Action::Dial(node)
    }

    fn failed(&mut self, now: Instant, failure: Failure, chance: u64) -> Action {
        self.all_untrusted &= failure == Failure::Untrusted;
        let is_round_over = self.tried >= self.order.len();
        // One that is refused after others were merely away stays in doubt until a whole round says the same.
        self.refused = match failure {
            Failure::Refused => true,
            Failure::Untrusted => self.refused || (is_round_over && self.all_untrusted),
            Failure::Unreached => self.refused && !is_round_over,
            Failure::Unanswered | Failure::BrokerError => false,
        };
        match failure {
            // Nobody has seen the attempt, so the next node is asked at once.
            Failure::Unreached if !is_round_over => self.dial(now),
            Failure::Refused => self.long_pause(now, chance),
            Failure::Untrusted if is_round_over && self.refused => self.long_pause(now, chance),
            Failure::BrokerError => {
                self.not_before = now + BROKER_ERROR_PAUSE;
                self.pause(now, chance)
            }
            Failure::Unreached | Failure::Unanswered | Failure::Untrusted => {
                self.not_before = now;
                self.pause(now, chance)
            }
        }
    }

    /// A pause that ends with the next attempt, in a time of chance.
    fn pause(&mut self, now: Instant, chance: u64) -> Action {
        if self.tried >= self.order.len() {
            self.new_round();
        }
        let bound = SHORTEST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = self.not_before.max(now).max(self.last_dial + SPACING);
        // Added to the spacing, not hidden behind it: those who dialled together must not come back together.
        self.until = self.not_before + below(bound, chance);
        Action::Pause(self.until)
    }

    fn long_pause(&mut self, now: Instant, chance: u64) -> Action {
        self.new_round();
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.max(self.last_dial + SPACING);
        self.until = now + FINAL_PAUSE + below(FINAL_SPREAD, chance);
        Action::Pause(self.until)
    }

    fn new_round(&mut self) {
        self.tried = 0;
        self.all_untrusted = true;
    }
}
