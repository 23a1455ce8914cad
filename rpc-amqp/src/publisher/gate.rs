//! What may be handed over next.
//!
//! Once a message was handed to the connection it cannot be taken back, and the connection's own queue has no bound.
//! So the gate counts what is handed over and not confirmed, and opens only as far as the bounds allow: not at all
//! while the broker is blocked, because the connection writes nothing then.
//!
//! A queue that confirms nothing (a quorum queue without its majority, say) must not use up what all queues share. So
//! messages are counted by **route**, which is their exchange and routing key. A route of which nothing was confirmed
//! for [`SLOW_AFTER`], while the broker did confirm others or has answered a question, is slow: what is in flight there
//! moves to a second account, and when that one is used up, further messages for slow routes are refused. The first
//! confirm makes the route quick again. Nothing is torn down for it: the messages may be confirmed yet, and a new channel
//! would leave everybody else in the dark about theirs.
//!
//! There is no clock and no task in here; time is passed in.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

/// Messages handed over and not confirmed, in either account.
const MOST_IN_FLIGHT: usize = 4_096;
/// Their bytes, in either account. One message may always go, however large.
const MOST_BYTES: usize = 32 * 1_024 * 1_024;
/// Messages handed over before confirms and the bounds are looked at again.
const BATCH: usize = 32;
/// What slow routes may have in flight before further messages for them are refused.
const MOST_SLOW: usize = 1_024;
const MOST_SLOW_BYTES: usize = 8 * 1_024 * 1_024;
/// How long a route may confirm nothing before it is slow.
const SLOW_AFTER: Duration = Duration::from_secs(1);
/// How long the broker may confirm nothing at all before it is asked whether it still lives.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// Bytes a second that a link carries at least. What is in flight may be on its way for as long as that takes, and a
/// question would wait behind it.
const SLOWEST_LINK: usize = 48 * 1_024;
/// The most that is granted for it. A dead link is found by its heartbeats meanwhile.
const LONGEST_WAY: Duration = Duration::from_secs(60);
/// How long the oldest message may keep its place while there is no place left.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// A route, as a number.
///
/// A hash of exchange and routing key. Two routes with one hash would only be slow together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct RouteId(u64);

impl RouteId {
    pub(crate) fn of(exchange: &str, key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (exchange, key).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What has to be done about the messages in flight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Advice {
    /// Nothing.
    Wait,
    /// The broker confirms nothing: ask it anything, and say [`Gate::answered`] when it answers.
    Ask,
    /// No place is left, and the oldest message has had its own for so long that its confirm must be lost: replace the
    /// channel.
    Replace,
}

/// Counts what is handed over on one channel, and says what may be handed over next.
#[derive(Debug)]
pub(crate) struct Gate {
    is_blocked: bool,
    /// In flight on routes that confirm.
    quick: Load,
    /// In flight on routes that do not.
    slow: Load,
    /// Routes with messages in flight.
    routes: HashMap<RouteId, Route>,
    /// When the broker last showed that it works, or had nothing to do.
    progress: Instant,
    /// Since when it has not been blocked.
    open_since: Instant,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Load {
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Route {
    load: Load,
    /// When something was confirmed last, or when its first message was handed over.
    progress: Instant,
    is_slow: bool,
}

impl Gate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            is_blocked: false,
            quick: Load::default(),
            slow: Load::default(),
            routes: HashMap::new(),
            progress: now,
            open_since: now,
        }
    }

    /// The broker accepts no publishes, or accepts them again.
    pub(crate) fn set_blocked(&mut self, is_blocked: bool, now: Instant) {
        if self.is_blocked == is_blocked {
            return;
        }
        self.is_blocked = is_blocked;
        // Nobody confirms while the broker is blocked, and that is nobody's fault.
        self.open_since = now;
        self.progress = now;
        for route in self.routes.values_mut() {
            route.progress = now;
        }
    }

    /// How many messages may be handed over before this is asked again.
    pub(crate) const fn room(&self) -> usize {
        let Load { messages, bytes } = self.quick;
        if self.is_blocked || messages >= MOST_IN_FLIGHT || (messages > 0 && bytes >= MOST_BYTES) {
            return 0;
        }
        // Large messages one by one, so that no batch goes far beyond the bound.
        if bytes >= MOST_BYTES / 4 {
            return 1;
        }
        let left = MOST_IN_FLIGHT - messages;
        if left < BATCH { left } else { BATCH }
    }

    /// Whether a message may go to this route; otherwise too many of those before it are unconfirmed.
    pub(crate) fn admits(&self, route: RouteId) -> bool {
        if self.slow.messages < MOST_SLOW && self.slow.bytes < MOST_SLOW_BYTES {
            return true;
        }
        self.routes.get(&route).is_none_or(|route| !route.is_slow)
    }

    pub(crate) fn handed_over(&mut self, route: RouteId, size: usize, now: Instant) {
        if self.quick.messages == 0 {
            self.progress = now;
        }
        let new = || Route { load: Load::default(), progress: now, is_slow: false };
        let route = self.routes.entry(route).or_insert_with(new);
        route.load.add(size);
        if route.is_slow { self.slow.add(size) } else { self.quick.add(size) }
    }

    /// The broker has said what became of a message.
    pub(crate) fn settled(&mut self, route: RouteId, size: usize, now: Instant) {
        self.progress = now;
        let Some(state) = self.routes.get_mut(&route) else { return };
        state.progress = now;
        if state.is_slow {
            state.is_slow = false;
            self.slow.take(state.load);
            self.quick.put(state.load);
        }
        let one = Load { messages: 1, bytes: size };
        state.load.take(one);
        self.quick.take(one);
        if state.load.messages == 0 {
            self.routes.remove(&route);
        }
    }

    /// The broker has answered a question.
    pub(crate) const fn answered(&mut self, now: Instant) {
        self.progress = now;
    }

    /// Finds the slow routes. To be called a few times a second with the time when the oldest message in flight was
    /// handed over.
    pub(crate) fn look(&mut self, oldest: Option<Instant>, now: Instant) -> Advice {
        if self.is_blocked {
            return Advice::Wait;
        }
        for route in self.routes.values_mut().filter(|route| !route.is_slow) {
            // Only while the broker works: when it confirms nothing at all, its queues are not to blame.
            let is_late = route.progress + SLOW_AFTER <= self.progress;
            if is_late && self.slow.messages + route.load.messages <= MOST_IN_FLIGHT {
                route.is_slow = true;
                self.quick.take(route.load);
                self.slow.put(route.load);
            }
        }
        if self.quick.messages == 0 {
            self.progress = now;
            return Advice::Wait;
        }
        let is_stuck = oldest.is_some_and(|oldest| oldest.max(self.open_since) + STUCK_AFTER <= now);
        if is_stuck && self.room() == 0 {
            return Advice::Replace;
        }
        if self.progress + ASK_AFTER + self.way() <= now { Advice::Ask } else { Advice::Wait }
    }

    /// How long a slow link takes for what is in flight.
    fn way(&self) -> Duration {
        let milliseconds = (self.quick.bytes + self.slow.bytes).saturating_mul(1_000) / SLOWEST_LINK;
        Duration::from_millis(milliseconds as u64).min(LONGEST_WAY)
    }

    /// The channel is gone, with all that was in flight.
    pub(crate) fn clear(&mut self, now: Instant) {
        *self = Self { is_blocked: self.is_blocked, ..Self::new(now) };
    }
}

impl Load {
    const fn add(&mut self, size: usize) {
        self.put(Self { messages: 1, bytes: size });
    }

    const fn put(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }

    const fn take(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}

#[cfg(test)]
mod tests;
