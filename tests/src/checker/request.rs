//! What happened to one request, and whether it was allowed to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Circumstances, GRACE, Kind, Verdict, Violation};
use crate::ledger::Entry;

#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    invoked: Option<Entry>,
    resolved: Vec<Entry>,
    dropped: bool,
    started: Vec<Entry>,
}

impl Request {
    pub(super) fn add(&mut self, entry: &Entry) {
        match &*entry.event {
            "invoked" => self.invoked = Some(entry.clone()),
            "resolved" => self.resolved.push(entry.clone()),
            "dropped" => self.dropped = true,
            _ => self.started.push(entry.clone()),
        }
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        Some(self.invoked.as_ref()?.detail("kind")?.parse().expect("a kind"))
    }

    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind(), Some(Kind::Call | Kind::Idempotent))
    }

    pub(super) fn invoked_at(&self) -> Option<u64> {
        self.invoked.as_ref().map(|entry| entry.at)
    }

    pub(super) fn answered_at(&self) -> Option<u64> {
        self.resolved.iter().find(|entry| entry.detail("outcome") == Some("ok")).map(|entry| entry.at)
    }

    pub(super) const fn executions(&self) -> usize {
        self.started.len()
    }

    pub(super) fn outcome(&self) -> Option<(&str, &str, Duration)> {
        let (invoked, resolved) = (self.invoked.as_ref()?, self.resolved.first()?);
        let took = Duration::from_micros(resolved.at.saturating_sub(invoked.at));
        Some((resolved.detail("outcome")?, resolved.detail("executed")?, took))
    }

    /// The checksum of its arguments.
    pub(super) fn sum(&self) -> Option<&str> {
        self.invoked.as_ref()?.detail("sum")
    }

    /// Judges it. `sums` are those of all requests.
    pub(super) fn judge(
        &self,
        id: &str,
        circumstances: &Circumstances,
        sums: &BTreeSet<&str>,
        verdict: &mut Verdict,
    ) {
        let Some((invoked, kind)) = self.invoked.as_ref().zip(self.kind()) else {
            if !circumstances.damaged {
                verdict.violations.push(violation("I2", id, "was run or resolved, and nobody asked for it"));
            }
            return;
        };
        let executed = self.resolved.first().and_then(|entry| entry.detail("executed"));
        let mut violations = Vec::new();
        let (hung, latest) = self.resolution(invoked, circumstances, &mut violations);
        self.payloads(invoked, circumstances.damaged.then_some(sums), &mut violations);
        let mut lost = false;
        if !circumstances.damaged {
            self.executions_allowed(kind, &mut violations);
            lost = self.truth(kind, circumstances, &mut violations).is_err();
        }
        let tally = verdict.tallies.entry(kind).or_default();
        tally.sent += 1;
        tally.ok += u64::from(self.answered_at().is_some());
        tally.not_sent += u64::from(executed == Some("not_sent"));
        tally.unknown += u64::from(executed == Some("unknown"));
        tally.lost += u64::from(lost);
        tally.duplicated += u64::from(kind != Kind::Fanout && self.started.len() > 1);
        tally.hung += u64::from(hung);
        verdict.latest = verdict.latest.max(latest);
        verdict.violations.extend(violations.into_iter().map(|(rule, what)| violation(rule, id, &what)));
    }

    /// I1. Says whether it hung, and by how much its deadline was missed.
    fn resolution(
        &self,
        invoked: &Entry,
        circumstances: &Circumstances,
        violations: &mut Vec<(&'static str, String)>,
    ) -> (bool, Duration) {
        if self.dropped || circumstances.killed.contains(&invoked.process) {
            return (false, Duration::ZERO);
        }
        let Some(resolved) = self.resolved.first() else {
            violations.push(("I1", "was never resolved".into()));
            return (true, Duration::ZERO);
        };
        if self.resolved.len() > 1 {
            violations.push(("I1", format!("was resolved {} times", self.resolved.len())));
        }
        let deadline =
            Duration::from_millis(invoked.number("deadline").expect("every request has a deadline"));
        let mut due = invoked.at.saturating_add(u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX));
        for (process, from, until) in &circumstances.paused {
            // A process that stands still at its deadline can keep it only afterwards.
            if *process == invoked.process && (*from..*until).contains(&due) {
                due = *until;
            }
        }
        let late = Duration::from_micros(resolved.at.saturating_sub(due));
        if late > GRACE {
            violations.push(("I1", format!("was resolved {late:?} after its deadline of {deadline:?}")));
        }
        (late > GRACE, late)
    }

    /// I2, and that nothing was damaged on its way to the server.
    ///
    /// Where bytes may be damaged, only an answer that is one of `others` is known to be crossed.
    fn payloads(
        &self,
        invoked: &Entry,
        others: Option<&BTreeSet<&str>>,
        violations: &mut Vec<(&'static str, String)>,
    ) {
        let wanted = invoked.detail("sum");
        let answers = self.resolved.iter().filter_map(|resolved| resolved.detail("answer"));
        for wrong in answers.filter(|answer| Some(*answer) != wanted) {
            if others.is_none_or(|others| others.contains(wrong)) {
                violations.push(("I2", "got the answer of another request".into()));
            }
        }
        if others.is_none() && self.started.iter().any(|started| started.detail("sum") != wanted) {
            violations.push(("I2", "ran with other arguments than it was sent with".into()));
        }
    }

    /// I3, and that duplicates can be told by their message id.
    fn executions_allowed(&self, kind: Kind, violations: &mut Vec<(&'static str, String)>) {
        if kind == Kind::Fanout {
            let mut by_process = BTreeMap::<u32, u32>::new();
            for started in &self.started {
                *by_process.entry(started.process).or_default() += 1;
            }
            if by_process.values().any(|count| *count > 1) {
                violations.push(("I3", format!("a server ran a fanout more than once: {by_process:?}")));
            }
            return;
        }
        let messages: BTreeSet<_> =
            self.started.iter().filter_map(|started| started.detail("message")).collect();
        let first = self.started.iter().filter(|started| started.number("attempt").unwrap_or(1) == 1).count();
        if first > 1 {
            violations.push((
                "I3",
                format!("was run {first} times as a first attempt, from messages {messages:?}"),
            ));
        }
        if messages.len() > 1 {
            violations.push(("I3", format!("was run from {} different messages", messages.len())));
        }
    }

    /// I4 and I5: what the client was told about the execution is true. An error says that it was lost.
    fn truth(
        &self,
        kind: Kind,
        circumstances: &Circumstances,
        violations: &mut Vec<(&'static str, String)>,
    ) -> Result<(), ()> {
        let runs = self.started.len();
        let Some(resolved) = self.resolved.first() else { return Ok(()) };
        match (kind, resolved.detail("outcome"), resolved.detail("executed")) {
            (Kind::Fanout, Some("ok"), _) => {}
            (Kind::Cast | Kind::Notification, Some("ok"), _) => {
                let is_kept = circumstances.kept.contains(&resolved.subject);
                let is_wiped = circumstances.wiped_at.is_some_and(|wiped| resolved.at < wiped);
                if runs == 0 && !is_kept && !is_wiped {
                    violations.push(("I5", "was confirmed, and neither run nor kept".into()));
                    return Err(());
                }
            }
            (_, Some("ok"), _) | (_, _, Some("executed")) if runs == 0 => {
                violations.push(("I4", "was reported as run, and never was".into()));
            }
            (_, _, Some("not_sent")) if runs > 0 => {
                violations.push(("I4", format!("was reported as not sent, and ran {runs} times")));
            }
            _ => {}
        }
        Ok(())
    }
}

fn violation(invariant: &'static str, id: &str, what: &str) -> Violation {
    Violation { invariant, id: id.to_owned(), what: what.to_owned() }
}
