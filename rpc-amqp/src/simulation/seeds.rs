//! Many seeds, and what to do about one that fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::check::{Violation, check};
use super::history::Event;
use super::run::run;
use super::scenario::{Ending, Fault, FaultKind, Kind, Operation, Scenario};
use crate::link::Purpose;

/// The first seed of an ordinary run.
const FIRST: u64 = 1;
/// How many seeds an ordinary run takes.
const COUNT: u64 = 10_000;
/// After so many that fail nothing more is learned.
const ENOUGH: usize = 5;

/// Without everything that is not needed to break a promise: first faults, then operations, one at a time.
fn shrink(mut scenario: Scenario) -> Scenario {
    let fails = |scenario: &Scenario| !check(scenario, &run(scenario)).is_empty();
    let mut size = scenario.faults.len();
    while size > 0 {
        let mut start = 0;
        while start < scenario.faults.len() {
            let mut smaller = scenario.clone();
            smaller.faults.drain(start..(start + size).min(scenario.faults.len()));
            if fails(&smaller) {
                scenario = smaller;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    scenario
}

fn report(seed: u64, violations: &[Violation]) -> String {
    let scenario = shrink(Scenario::of(seed));
    let finished = run(&scenario);
    let left = check(&scenario, &finished);
    let mut text = format!("seed {seed} (RPC_SIMULATION_SEED={seed} RPC_SIMULATION_SEEDS=1 runs it alone)\n");
    for violation in violations {
        text += &format!("{violation}\n");
    }
    text += &format!("with {} faults of {}:\n", scenario.faults.len(), Scenario::of(seed).faults.len());
    for fault in &scenario.faults {
        text += &format!("  {fault:?}\n");
    }
    text += &format!("workers {}, quorum {}\n", scenario.workers, scenario.quorum);
    match left.iter().find_map(|violation| violation.operation) {
        Some(operation) => {
            text += &format!("{left:?}\n{:?}\n", scenario.operations[operation]);
            text += &finished.history.of(operation);
        }
        None => text += &format!("{left:?}\n{}", finished.history.of(usize::MAX)),
    }
    text
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_promise_holds_for_every_seed() {
    let first = number("RPC_SIMULATION_SEED").unwrap_or(FIRST);
    let count = number("RPC_SIMULATION_SEEDS").unwrap_or(COUNT);
    let next = AtomicU64::new(0);
    let failed: Mutex<Vec<(u64, Vec<Violation>)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || failed.lock().unwrap().len() >= ENOUGH {
                        break;
                    }
                    let scenario = Scenario::of(first + index);
                    let violations = check(&scenario, &run(&scenario));
                    if !violations.is_empty() {
                        failed.lock().unwrap().push((scenario.seed, violations));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|(seed, _)| *seed);
    let reports: Vec<_> = failed.iter().map(|(seed, violations)| report(*seed, violations)).collect();
    assert!(
        reports.is_empty(),
        "{} of {} seeds broke a promise\n\n{}",
        reports.len(),
        next.into_inner().min(count),
        reports.join("\n\n")
    );
}

#[test]
fn a_seed_is_the_same_history_every_time() {
    for seed in 1..60 {
        let scenario = Scenario::of(seed);
        let (first, second) = (run(&scenario), run(&scenario));
        if first.history.digest() != second.history.digest() {
            let (first, second) = (first.history.all(), second.history.all());
            let at = first.iter().zip(second).position(|(one, other)| one != other);
            let at = at.unwrap_or_else(|| first.len().min(second.len()));
            panic!(
                "seed {seed} differs at step {at}\n{:#?}\n{:#?}",
                &first[at.saturating_sub(9)..first.len().min(at + 5)],
                &second[at.saturating_sub(9)..second.len().min(at + 5)]
            );
        }
    }
}

/// What one client asks of one server, while this goes wrong.
fn scenario(operations: Vec<Operation>, fault: Fault) -> Scenario {
    Scenario {
        seed: 1,
        clients: 1,
        servers: 1,
        quorum: false,
        workers: 4,
        heals: true,
        operations,
        faults: vec![fault],
    }
}

fn operation(kind: Kind, at: u64, timeout: u64, ending: Ending) -> Operation {
    Operation { at, client: 0, kind, timeout, work: 0, ending, abandoned: None }
}

/// No event tells of it, and the connection says that all is well: only its socket is gone.
#[test]
fn a_library_that_dies_without_a_word_is_noticed_by_its_socket() {
    let call = |at| operation(Kind::Call, at, 1_500, Ending::Returns);
    for process in [0, 1] {
        for purpose in [Purpose::Publish, Purpose::Consume] {
            let kind = FaultKind::LibraryDies { process, purpose: Some(purpose) };
            let scenario = scenario(vec![call(300), call(800)], Fault { at: 600, lasts: 0, kind });
            let finished = run(&scenario);
            let violations = check(&scenario, &finished);
            assert!(violations.is_empty(), "{kind:?}: {violations:?}\n{}", finished.history.of(1));
            let is_run = |event: &Event| matches!(event, Event::Executed { operation: 1, .. });
            assert!(finished.history.all().iter().any(|(_, event)| is_run(event)), "{kind:?}");
        }
    }
}

/// Who connects while a quorum queue has no leader has channels that go on to wait when there is one again.
#[test]
fn calls_succeed_soon_after_a_leader_is_there() {
    let call = |at| operation(Kind::Call, at, 1_500, Ending::Returns);
    for (process, purpose) in [(0, Purpose::Publish), (1, Purpose::Consume)] {
        let leaderless = Fault { at: 600, lasts: 1_200, kind: FaultKind::Leaderless };
        let kind = FaultKind::Cut { process, purpose: Some(purpose) };
        let mut scenario = scenario(vec![call(300), call(800), call(1_500)], leaderless);
        scenario.faults.push(Fault { at: 700, lasts: 0, kind });
        scenario.quorum = true;
        let finished = run(&scenario);
        let violations = check(&scenario, &finished);
        assert!(violations.is_empty(), "{kind:?}: {violations:?}\n{}", finished.history.of(2));
        assert!(finished.healed_after.is_some_and(|healed| healed < 2_500), "{:?}", finished.healed_after);
    }
}

/// The queue of dead letters is remembered by its name, and its binding went with the exchange.
#[test]
fn dead_letters_are_kept_after_their_exchange_was_deleted() {
    let cast = |at| operation(Kind::Cast, at, 1_000, Ending::Fails);
    // The second may be the one that finds out.
    let casts = vec![cast(500), cast(2_000), cast(2_800)];
    let scenario = scenario(casts, Fault { at: 1_500, lasts: 0, kind: FaultKind::DeleteExchanges });
    let finished = run(&scenario);
    let violations = check(&scenario, &finished);
    assert!(violations.is_empty(), "{violations:?}\n{}", finished.history.of(2));
    let is_dead = |(operation, queue): &(usize, String)| *operation == 2 && queue.starts_with("dlq.");
    assert!(finished.kept.iter().any(is_dead), "{}", finished.history.of(2));
}

/// What was sent to a broker that stands still runs when it goes on, whatever became of the second copy.
#[test]
fn a_call_in_doubt_stays_so_when_it_could_not_be_sent_again() {
    let call = |at| operation(Kind::Idempotent, at, 4_000, Ending::Returns);
    // The first makes the reply queue.
    let calls = vec![call(300), call(500)];
    let scenario = scenario(calls, Fault { at: 490, lasts: 5_000, kind: FaultKind::Pause });
    let finished = run(&scenario);
    let violations = check(&scenario, &finished);
    assert!(violations.is_empty(), "{violations:?}\n{}", finished.history.of(1));
    let ran =
        finished.history.all().iter().any(|(_, event)| matches!(event, Event::Executed { operation: 1, .. }));
    assert!(ran, "{}", finished.history.of(1));
}

/// A handler is dropped soon after its caller has gone, also when the caller's link has just broken.
#[test]
fn a_call_that_is_given_up_ends_at_its_server() {
    let cut = |purpose| FaultKind::Cut { process: 0, purpose: Some(purpose) };
    let faults = [(FaultKind::Double, 100), (cut(Purpose::Consume), 100), (cut(Purpose::Publish), 3_000)];
    for (kind, limit) in faults {
        let given_up = Operation {
            work: 12_000,
            abandoned: Some(500),
            ..operation(Kind::Call, 500, 15_000, Ending::Returns)
        };
        let scenario = scenario(vec![given_up], Fault { at: 990, lasts: 0, kind });
        let finished = run(&scenario);
        let violations = check(&scenario, &finished);
        assert!(violations.is_empty(), "{kind:?}: {violations:?}\n{}", finished.history.of(0));
        let when = |is_it: fn(&Event) -> bool| {
            finished.history.all().iter().find(|(_, event)| is_it(event)).map(|(now, _)| *now)
        };
        let abandoned = when(|event| matches!(event, Event::Abandoned { operation: 0 }));
        let ended = when(|event| matches!(event, Event::Ended { operation: 0 }));
        let took = ended.zip(abandoned).map(|(ended, abandoned)| ended.saturating_sub(abandoned));
        assert!(took.is_some_and(|took| took <= limit), "{kind:?}: {took:?}\n{}", finished.history.of(0));
    }
}
