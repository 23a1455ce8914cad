//! Runs rows in lanes.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tests::checker;

use crate::lane::Lane;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::rows::{Needs, Row};
use crate::stage::Stage;
use crate::stalls::Stalls;

/// How a problem starts that a machine with other work can make.
const SLOW: &str = "I6: the first answer came";

thread_local! {
    /// Where the last panic of a thread happened.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(crate) fn run(rows: Vec<Row>, options: &Options) -> Vec<Outcome> {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        PLACE.with_borrow_mut(|last| *last = place.unwrap_or_default());
    }));
    // Long rows first: a lane that starts one last would keep the rest waiting.
    let (mut clustered, mut others): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.needs == Needs::Cluster);
    others.sort_by_key(|row| std::cmp::Reverse(row.seconds));
    clustered.sort_by_key(|row| row.id);
    let (waiting, outcomes) = (Mutex::new(VecDeque::from(others)), Mutex::new(Vec::new()));
    let clustered = Mutex::new(VecDeque::from(clustered));
    let stalls = Stalls::watch();
    let work = |queue: &Mutex<VecDeque<Row>>| {
        let mut lane = Lane::default();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(row) = next else { break };
            let outcome = one(row, &mut lane, options, &stalls);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.lanes {
            scope.spawn(|| work(&waiting));
        }
        scope.spawn(|| work(&clustered));
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    // On a machine that stands still, or has other work, nobody keeps a deadline. Such a row is run again, once, with
    // nothing beside it. What was lost, crossed or told wrongly has no such excuse, unless all rows are to have a second run.
    let mut lane = Lane::default();
    for outcome in &mut outcomes {
        let stood_still = outcome.stall.is_some_and(|stall| stall > checker::GRACE);
        let was_late = outcome.problems.iter().all(|problem| problem.starts_with(SLOW));
        if !outcome.problems.is_empty() && (stood_still || was_late || options.again) {
            let first = outcome.problems.first().cloned().unwrap_or_default();
            let stall = outcome.stall.unwrap_or_default();
            *outcome = one(outcome.row, &mut lane, options, &stalls);
            outcome.notes.push(format!(
                "second run, with nothing beside it: in the first the machine stood still for {stall:?}, and the row \
                 failed with: {first}"
            ));
        }
    }
    outcomes.sort_by_key(|outcome| outcome.row.order());
    outcomes
}

fn one(row: Row, lane: &mut Lane, options: &Options, stalls: &Stalls) -> Outcome {
    let started = Instant::now();
    if row.needs == Needs::FreshNode {
        lane.spoil();
    }
    let mut stage = Stage::new(row, lane, options);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        (row.run)(&mut stage);
        stage.settle();
    }));
    if let Err(panic) = ran {
        let place = PLACE.with_borrow(Clone::clone);
        stage.problem(format!("{} (at {place})", text(&*panic)));
        stage.spoil();
    }
    let mut outcome = stage.outcome();
    if row.needs == Needs::FreshNode {
        lane.spoil();
    }
    outcome.stall = stalls.longest_since(started);
    if let Some(stall) = outcome.stall {
        outcome.notes.push(format!("the machine stood still for {stall:?}"));
    }
    outcome.took = started.elapsed();
    let result = if outcome.problems.is_empty() { "ok" } else { "FAILED" };
    println!("row {:4} {:60} {result} ({:.1} s)", row.id, row.title, outcome.took.as_secs_f64());
    for note in &outcome.notes {
        println!("         ({note})");
    }
    for problem in outcome.problems.iter().take(12) {
        println!("         {problem}");
    }
    outcome
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
