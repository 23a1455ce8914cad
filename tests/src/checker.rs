//! Reads what clients and servers wrote down, and says which promise was broken.
//!
//! One pass over the entries gathers what happened to each id; then each id is judged alone, so the time is linear.
//! An id is one request. These events are understood:
//!
//! | event | written by | details |
//! |---|---|---|
//! | `invoked` | client | `kind`; `deadline` in milliseconds; `sum`, the checksum of the arguments |
//! | `resolved` | client | `outcome`: `ok` or a code; `executed`: `not_sent`, `unknown`, `executed`; `answer`, for calls that are `ok` |
//! | `dropped` | client | it gave the request up on purpose |
//! | `started` | server | `attempt`; `message`, its id; `sum` of the arguments as they arrived |
//!
//! The checker knows no counter of the library, and guesses nothing: an outcome that leaves open whether the method
//! ran is held against nobody.

mod request;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::request::Request;
pub use self::verdict::{Kind, Tally, Verdict, Violation};
use crate::ledger::Entry;

/// How much later than its deadline a request may be resolved (I1).
pub const GRACE: Duration = Duration::from_millis(250);

/// What the checker cannot read in a ledger.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Clients that were killed: what they waited for has no end.
    pub killed: BTreeSet<u32>,
    /// Processes that were stopped (SIGSTOP), from when until when, in microseconds: nobody can keep a deadline then.
    pub paused: Vec<(u32, u64, u64)>,
    /// Ids that lay in a durable queue in the end, where a person or a late listener finds them: a dead-letter queue, or
    /// a default queue of notifications that was made while nobody listened.
    pub kept: BTreeSet<String>,
    /// Ids of requests that were made by hand, without a line of their client.
    pub strangers: BTreeSet<String>,
    /// When the broker's data was removed, in microseconds: what was confirmed before may be lost, and nothing else.
    pub wiped_at: Option<u64>,
    /// Bytes were damaged on the way, and AMQP has no checksum. Wrong contents, and what follows from a wrong id, status or
    /// mark of redelivery, are held against nobody then. An answer that belongs to another request is, and a request that
    /// hangs.
    pub damaged: bool,
}

/// Everything that happened, by id.
#[derive(Clone, Debug, Default)]
pub struct History {
    requests: BTreeMap<String, Request>,
}

impl History {
    /// Gathers entries, in any order.
    #[must_use]
    pub fn new(entries: &[Entry]) -> Self {
        let mut history = Self::default();
        for entry in entries {
            if !matches!(&*entry.event, "invoked" | "resolved" | "dropped" | "started") {
                continue;
            }
            history.requests.entry(entry.subject.clone()).or_default().add(entry);
        }
        history
    }

    /// Judges every request.
    #[must_use]
    pub fn judge(&self, circumstances: &Circumstances) -> Verdict {
        let mut verdict = Verdict::default();
        let sums: BTreeSet<&str> = self.requests.values().filter_map(Request::sum).collect();
        for (id, request) in self.requests.iter().filter(|(id, _)| !circumstances.strangers.contains(*id)) {
            request.judge(id, circumstances, &sums, &mut verdict);
        }
        verdict
    }

    /// How long after `moment`, in microseconds, the first call was answered, whenever it was made (T_heal).
    #[must_use]
    pub fn first_ok_after(&self, moment: u64) -> Option<Duration> {
        let resolved = self.requests.values().filter(|request| request.is_call());
        let times = resolved.filter_map(Request::answered_at).filter(|at| *at >= moment);
        times.min().map(|at| Duration::from_micros(at - moment))
    }

    /// Calls that were answered from `start` until `end`, per second.
    #[must_use]
    pub fn answers_per_second(&self, start: u64, end: u64) -> f64 {
        let resolved = self.requests.values().filter(|request| request.is_call());
        let answered =
            resolved.filter_map(Request::answered_at).filter(|at| (start..end).contains(at)).count();
        let seconds = Duration::from_micros(end.saturating_sub(start)).as_secs_f64();
        f64::from(u32::try_from(answered).unwrap_or(u32::MAX)) / seconds.max(f64::MIN_POSITIVE)
    }

    /// The answered share of the calls that were made from `start` until `end`; 1 when there were none.
    #[must_use]
    pub fn answered_share(&self, start: u64, end: u64) -> f64 {
        let calls = self.requests.values().filter(|request| request.is_call());
        let (mut made, mut answered) = (0_u32, 0_u32);
        for call in calls.filter(|call| call.invoked_at().is_some_and(|at| (start..end).contains(&at))) {
            made += 1;
            answered += u32::from(call.answered_at().is_some());
        }
        if made == 0 { 1.0 } else { f64::from(answered) / f64::from(made) }
    }

    /// Ids of requests that were invoked, by kind.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.requests
            .iter()
            .filter(move |(_, request)| request.kind() == Some(kind))
            .map(|(id, _)| id.as_str())
    }

    /// How often the method of `id` was started.
    #[must_use]
    pub fn executions(&self, id: &str) -> usize {
        self.requests.get(id).map_or(0, Request::executions)
    }

    /// What became of `id`: its outcome, whether it was executed as the client was told, and how long it took.
    #[must_use]
    pub fn outcome(&self, id: &str) -> Option<(&str, &str, Duration)> {
        self.requests.get(id)?.outcome()
    }
}

#[cfg(test)]
mod tests;
