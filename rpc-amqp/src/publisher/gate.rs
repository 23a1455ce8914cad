//! What may be handed over next.
//!
//! Once a message was handed to the client library it cannot be taken back, and the library's own queue has no bound.
//! So the gate counts what is handed over and not confirmed, and opens only as far as the bounds allow: not at all
//! while the broker is blocked, because the library writes nothing then.
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
        if self.progress + ASK_AFTER <= now { Advice::Ask } else { Advice::Wait }
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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const MIB: usize = 1_024 * 1_024;

    fn route(number: u8) -> RouteId {
        RouteId::of("x", &number.to_string())
    }

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn fill(gate: &mut Gate, name: RouteId, now: Instant) -> usize {
        let mut count = 0;
        while gate.room() > 0 && gate.admits(name) {
            gate.handed_over(name, 10, now);
            count += 1;
        }
        count
    }

    #[test]
    fn nothing_is_handed_over_while_the_broker_is_blocked() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        gate.set_blocked(true, now);
        assert_eq!(gate.room(), 0);
        gate.set_blocked(false, now);
        assert_eq!(gate.room(), BATCH);
    }

    #[test]
    fn one_message_may_always_go_and_large_ones_go_one_by_one() {
        let now = Instant::now();
        let mut gate = Gate::new(now);
        gate.handed_over(route(1), MOST_BYTES / 4, now);
        assert_eq!(gate.room(), 1);
        gate.handed_over(route(1), MOST_BYTES, now);
        assert_eq!(gate.room(), 0);
        gate.settled(route(1), MOST_BYTES / 4, now);
        assert_eq!(gate.room(), 0);
        gate.settled(route(1), MOST_BYTES, now);
        assert_eq!(gate.room(), BATCH);
    }

    #[test]
    fn a_route_that_confirms_nothing_takes_no_place_from_the_others() {
        let start = Instant::now();
        let mut gate = Gate::new(start);
        assert_eq!(fill(&mut gate, route(1), start), MOST_IN_FLIGHT);
        assert_eq!(gate.look(Some(start), start + milliseconds(900)), Advice::Wait);
        assert_eq!(gate.look(Some(start), start + milliseconds(1_000)), Advice::Ask);
        assert_eq!(gate.room(), 0, "the broker may be slow as a whole");
        let now = start + milliseconds(1_001);
        gate.answered(now);
        assert_eq!((gate.look(Some(start), now), gate.room()), (Advice::Wait, BATCH));
        assert!(!gate.admits(route(1)) && gate.admits(route(2)));
        assert_eq!(fill(&mut gate, route(2), now), MOST_IN_FLIGHT);
        // The first confirm makes it quick again.
        gate.settled(route(1), 10, now);
        assert!(gate.admits(route(1)));
        assert_eq!(gate.room(), 0);
    }

    #[test]
    fn a_route_is_not_slow_because_the_broker_was_blocked() {
        let start = Instant::now();
        let mut gate = Gate::new(start);
        gate.handed_over(route(1), 10, start);
        gate.set_blocked(true, start + milliseconds(10));
        let later = start + milliseconds(60_000);
        assert_eq!(gate.look(Some(start), later), Advice::Wait);
        gate.set_blocked(false, later);
        gate.handed_over(route(2), 10, later);
        gate.settled(route(2), 10, later);
        assert_eq!(gate.look(Some(start), later), Advice::Wait);
        assert_eq!((gate.quick.messages, gate.slow.messages), (1, 0));
    }

    #[test]
    fn confirms_that_were_lost_one_by_one_cost_the_channel_in_the_end() {
        let start = Instant::now();
        let mut gate = Gate::new(start);
        fill(&mut gate, route(1), start);
        let mut now = start;
        let mut advice = Advice::Wait;
        while now < start + STUCK_AFTER {
            // The route confirms all the time, so that it is not slow.
            now += milliseconds(100);
            gate.settled(route(1), 10, now);
            gate.handed_over(route(1), 10, now);
            assert_eq!(advice, Advice::Wait);
            advice = gate.look(Some(start), now);
        }
        assert_eq!(advice, Advice::Replace);
    }

    #[derive(Clone, Debug)]
    enum Step {
        HandOver { route: u8, size: usize },
        Settle(prop::sample::Index),
        Pass(u64),
        Block(bool),
        Answer,
        Clear,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            20 => (0_u8..4, prop_oneof![4 => 0..2_000_usize, 1 => 0..40 * MIB])
                .prop_map(|(route, size)| Step::HandOver { route, size }),
            8 => any::<prop::sample::Index>().prop_map(Step::Settle),
            4 => (0_u64..3_000).prop_map(Step::Pass),
            1 => any::<bool>().prop_map(Step::Block),
            1 => Just(Step::Answer),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_bounds_hold_and_nothing_is_forgotten(steps in prop::collection::vec(any_step(), 0..300)) {
            let mut now = Instant::now();
            let mut gate = Gate::new(now);
            // Number → route, size and time; what every message is, besides the gate.
            let mut in_flight: BTreeMap<u64, (u8, usize, Instant)> = BTreeMap::new();
            let (mut next, mut blocked) = (0, false);
            for step in steps {
                match step {
                    Step::HandOver { route: to, size } => {
                        let before = gate.quick;
                        if gate.room() > 0 && gate.admits(route(to)) {
                            prop_assert!(!blocked);
                            prop_assert!(before.messages < MOST_IN_FLIGHT);
                            prop_assert!(before.messages == 0 || before.bytes < MOST_BYTES);
                            gate.handed_over(route(to), size, now);
                            in_flight.insert(next, (to, size, now));
                            next += 1;
                        }
                    }
                    Step::Settle(index) if !in_flight.is_empty() => {
                        let numbers: Vec<_> = in_flight.keys().copied().collect();
                        let (to, size, _) = in_flight.remove(index.get(&numbers)).unwrap();
                        gate.settled(route(to), size, now);
                        prop_assert!(gate.routes.get(&route(to)).is_none_or(|route| !route.is_slow));
                    }
                    Step::Settle(_) => {}
                    Step::Pass(time) => {
                        now += milliseconds(time);
                        let oldest = in_flight.values().map(|(.., since)| *since).min();
                        let advice = gate.look(oldest, now);
                        prop_assert!(!blocked || advice == Advice::Wait);
                        prop_assert!(gate.slow.messages <= MOST_IN_FLIGHT);
                    }
                    Step::Block(is_blocked) => {
                        blocked = is_blocked;
                        gate.set_blocked(blocked, now);
                    }
                    Step::Answer => gate.answered(now),
                    Step::Clear => {
                        in_flight.clear();
                        gate.clear(now);
                    }
                }
                let bytes: usize = in_flight.values().map(|(_, size, _)| size).sum();
                prop_assert_eq!(gate.quick.messages + gate.slow.messages, in_flight.len());
                prop_assert_eq!(gate.quick.bytes + gate.slow.bytes, bytes);
                prop_assert_eq!(gate.is_blocked, blocked);
                prop_assert!(!blocked || gate.room() == 0);
                prop_assert!(gate.quick != Load::default() || blocked || gate.room() > 0);
            }
            for (to, size, _) in in_flight.values() {
                gate.settled(route(*to), *size, now);
            }
            prop_assert!(gate.routes.is_empty());
            prop_assert_eq!((gate.quick, gate.slow), (Load::default(), Load::default()));
        }
    }
}
