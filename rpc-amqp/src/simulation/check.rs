//! What must hold in every run: the invariants of a request, from its invocation to its end.

use std::fmt;

use rpc_core::Executed;

use super::broker::Fact;
use super::history::{Event, Outcome};
use super::process::result;
use super::run::Finished;
use super::scenario::{Ending, Kind, Operation, Scenario};

/// How much later than its deadline a future may resolve, in milliseconds.
const GRACE: u64 = 250;
/// How long after the last fault a call may take to succeed, in milliseconds.
const HEAL_LIMIT: u64 = 3_000;

/// Likewise after exchanges were deleted a second time.
const LONG_HEAL_LIMIT: u64 = 8_000;
/// How late the method of a call may start, because of the way there.
const LATE: u64 = 150;

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// By which operation, if by one.
    pub(crate) operation: Option<usize>,
    pub(crate) text: String,
}

/// What a history says about one operation.
#[derive(Default)]
struct Life {
    invoked: Option<u64>,
    /// Process and attempt of each start.
    executed: Vec<(usize, u32)>,
    /// By how much a start was later than the time that its delivery left it.
    late: u64,
    delivered: u64,
    resolved: Vec<(u64, Outcome)>,
    abandoned: bool,
    ended: bool,
    /// How often it came to a queue.
    routed: usize,
    /// It was acknowledged while it was neither done nor put elsewhere.
    early: bool,
    deliveries: usize,
    redelivered: bool,
    doubled: bool,
    /// Lost for a reason that no promise covers.
    excused: bool,
    /// Operations in durable queues: the queue's name.
    kept: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Some(operation) => write!(formatter, "operation {operation} {}", self.text),
            None => formatter.write_str(&self.text),
        }
    }
}

/// Everything that is wrong with a run.
pub(crate) fn check(scenario: &Scenario, finished: &Finished) -> Vec<Violation> {
    let mut violations = Vec::new();
    let lives = lives(scenario, finished);
    for (number, life) in lives.iter().enumerate() {
        let planned = scenario.operations[number];
        let mut broken = Broken { operation: number, violations: &mut violations };
        let is_dead = finished.dead[planned.client];
        broken.resolves_once(life, planned.timeout, is_dead);
        broken.tells_the_truth(life, planned.kind, number);
        broken.runs_as_often_as_it_may(life, planned.kind);
        if life.early && matches!(planned.kind, Kind::Idempotent | Kind::Cast | Kind::Notify) {
            broken.add("was acknowledged before it was done");
        }
        broken.is_known_when_it_comes_again(life, planned);
        broken.is_not_lost(life, planned.kind);
        if !scenario.delays() {
            broken.starts_in_time(life, planned.kind);
        }
    }
    let mut whole = |text: String| violations.push(Violation { operation: None, text });
    if finished.pending > 0 {
        whole(format!("{} calls are left in a reply table", finished.pending));
    }
    if finished.unlimited > 0 {
        whole(format!("{} consumers were started without a prefetch", finished.unlimited));
    }
    match finished.healed_after {
        _ if !scenario.heals => {}
        // Whoever deletes exchanges again and again is not followed at once each time.
        Some(time)
            if time <= if scenario.deletes_exchanges_again() { LONG_HEAL_LIMIT } else { HEAL_LIMIT } => {}
        Some(time) => whole(format!("the first success came {time} ms after the last fault")),
        None => whole("no call succeeded after the last fault".to_owned()),
    }
    violations
}

fn lives(scenario: &Scenario, finished: &Finished) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    lives.resize_with(scenario.operations.len(), Life::default);
    for (now, event) in finished.history.all() {
        let Some(life) = event.operation().and_then(|operation| lives.get_mut(operation)) else { continue };
        match event {
            Event::Invoked { .. } => life.invoked = Some(*now),
            Event::Executed { process, attempt, .. } => {
                life.executed.push((*process, *attempt));
                let timeout = scenario.operations[event.operation().unwrap_or_default()].timeout;
                life.late = life.late.max(now.saturating_sub(life.delivered + timeout));
            }
            Event::Resolved { outcome, .. } => life.resolved.push((*now, outcome.clone())),
            Event::Abandoned { .. } => life.abandoned = true,
            Event::Broker(Fact::Delivered { redelivered, .. }) => {
                life.deliveries += 1;
                life.delivered = *now;
                life.redelivered |= redelivered;
            }
            Event::Broker(Fact::Doubled { .. }) => life.doubled = true,
            Event::Broker(Fact::Lost { cause, .. }) => {
                life.excused |= matches!(*cause, "queue deleted" | "wiped");
            }
            Event::Ended { .. } => life.ended = true,
            Event::Broker(Fact::Routed { .. }) => life.routed += 1,
            Event::Broker(Fact::Acknowledged { operation }) => {
                let planned = scenario.operations[*operation];
                let expired = is_call(planned.kind)
                    && life.invoked.is_some_and(|invoked| *now >= invoked + planned.timeout);
                // What was given up is settled without a start.
                life.early |= !life.ended && life.routed < 2 && !expired && !life.abandoned;
            }
            Event::Fault(_) | Event::Healed => {}
        }
    }
    for (operation, queue) in &finished.kept {
        if let Some(life) = lives.get_mut(*operation) {
            life.kept.push(queue.clone());
        }
    }
    lives
}

const fn is_call(kind: Kind) -> bool {
    matches!(kind, Kind::Call | Kind::CallServer(_) | Kind::CallNobody | Kind::Idempotent)
}

struct Broken<'a> {
    operation: usize,
    violations: &'a mut Vec<Violation>,
}

impl Broken<'_> {
    fn add(&mut self, text: impl Into<String>) {
        self.violations.push(Violation { operation: Some(self.operation), text: text.into() });
    }

    fn resolves_once(&mut self, life: &Life, timeout: u64, is_dead: bool) {
        let Some(invoked) = life.invoked else { return };
        match life.resolved.as_slice() {
            [] if is_dead || life.abandoned => {}
            [] => self.add("hangs"),
            [(at, _)] if *at <= invoked + timeout + GRACE => {}
            [(at, _)] => self.add(format!("resolved {} ms after its deadline", at - invoked - timeout)),
            _ => self.add("resolved twice"),
        }
    }

    fn tells_the_truth(&mut self, life: &Life, kind: Kind, number: usize) {
        let is_call = is_call(kind);
        let ran = !life.executed.is_empty();
        match life.resolved.first().map(|(_, outcome)| outcome) {
            Some(Outcome::Ok(value)) if is_call => {
                if *value != result(number) {
                    self.add(format!("got {value}, the answer to another request"));
                }
                if !ran {
                    self.add("succeeded and never ran");
                }
            }
            Some(Outcome::Service) if !ran => self.add("failed in its method and never ran"),
            Some(Outcome::Failed { executed: Executed::Executed, code, .. }) if !ran => {
                self.add(format!("{code} says that it ran, and it did not"));
            }
            Some(Outcome::Failed { executed: Executed::NotSent, code, .. }) if ran => {
                self.add(format!("{code} says that it did not run, and it did"));
            }
            _ => {}
        }
    }

    fn runs_as_often_as_it_may(&mut self, life: &Life, kind: Kind) {
        let times = life.executed.len();
        if times > life.deliveries {
            self.add(format!("ran {times} times and was delivered {} times", life.deliveries));
        }
        let once = matches!(kind, Kind::Call | Kind::CallServer(_));
        if once && times > 1 && !life.redelivered && !life.doubled {
            self.add(format!("ran {times} times, and the broker delivered it once"));
        }
        let mut processes: Vec<_> = life.executed.iter().map(|(process, _)| *process).collect();
        processes.sort_unstable();
        processes.dedup();
        if kind == Kind::Fanout && processes.len() < times && !life.redelivered && !life.doubled {
            self.add("ran twice at one server");
        }
    }

    /// A server that has run it to a good end does not run it again, however often it comes.
    fn is_known_when_it_comes_again(&mut self, life: &Life, planned: Operation) {
        let is_request = !matches!(planned.kind, Kind::Notify | Kind::Fanout);
        let ends_well = planned.ending == Ending::Returns
            && (planned.kind == Kind::Cast || planned.work + LATE < planned.timeout);
        if !is_request || !ends_well {
            return;
        }
        let mut processes: Vec<_> = life.executed.iter().map(|(process, _)| *process).collect();
        processes.sort_unstable();
        if processes.windows(2).any(|pair| pair[0] == pair[1]) {
            self.add("ran twice at one server, which had run it well");
        }
    }

    /// The time on the wire starts anew with each delivery, as long as it was at the publish: clocks need not agree. So
    /// what waited in its queue, or came back to it, may start late by that; what waits at its server may not.
    fn starts_in_time(&mut self, life: &Life, kind: Kind) {
        if is_call(kind) && life.late > LATE {
            self.add(format!("started {} ms after the time that its delivery left it", life.late));
        }
    }

    fn is_not_lost(&mut self, life: &Life, kind: Kind) {
        if !matches!(kind, Kind::Cast | Kind::CastNobody | Kind::Notify) {
            return;
        }
        let is_ok = matches!(life.resolved.as_slice(), [(_, Outcome::Ok(_))]);
        if is_ok && life.executed.is_empty() && life.kept.is_empty() && !life.excused {
            self.add("was confirmed and is lost");
        }
        if let Some(queue) = life.kept.iter().find(|queue| !queue.starts_with("dlq.")) {
            self.add(format!("is still in {queue}, and nobody takes it"));
        }
    }
}
