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
    assert_eq!(gate.look(Some(start), start + milliseconds(1_900)), Advice::Ask);
    assert_eq!(gate.room(), 0, "the broker may be slow as a whole");
    let now = start + milliseconds(1_901);
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

#[test]
fn a_slow_link_is_given_the_time_that_it_takes() {
    let start = Instant::now();
    let mut gate = Gate::new(start);
    gate.handed_over(RouteId::of("x", "k"), 2 * 1_024 * 1_024, start);
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(gate.look(Some(start), after(40)), Advice::Wait);
    assert_eq!(gate.look(Some(start), after(45)), Advice::Ask);
    gate.handed_over(RouteId::of("x", "k"), 24 * 1_024 * 1_024, start);
    assert_eq!(gate.look(Some(start), after(61)), Advice::Ask);
}
