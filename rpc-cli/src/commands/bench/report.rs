//! What is told of a load.

use std::collections::BTreeMap;

use serde::Serialize;

use super::load::Put;
use super::measured::{Measured, Times};
use super::plot;
use super::schedule::{Limits, Pace};
use crate::output::{Table, microseconds};

/// What is told of a load.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// What was called.
    pub(super) called: String,
    #[serde(flatten)]
    pace: Paced,
    warm_up_ms: u64,
    /// Without the warm-up.
    elapsed_ms: u64,
    /// How many calls ended.
    calls: u64,
    calls_per_second: f64,
    failed: u64,
    /// Failures by code.
    errors: BTreeMap<String, u64>,
    /// How many calls did not begin because too many were under way.
    missed: u64,
    interrupted: bool,
    /// Of what succeeded. In an open loop from the time at which a call should have begun.
    latency: Times,
    /// How long after it should have a call began.
    late: Times,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
enum Paced {
    Closed { in_flight: usize },
    Open { rate: u32, most_in_flight: usize },
}

impl Report {
    pub(super) fn new(called: String, pace: Pace, limits: Limits, put: &Put) -> Self {
        let Put { measured, elapsed, missed, interrupted } = put;
        let succeeded = measured.calls() - measured.failed();
        Self {
            called,
            pace: match pace {
                Pace::Closed { in_flight } => Paced::Closed { in_flight },
                Pace::Open { rate, most_in_flight } => Paced::Open { rate, most_in_flight },
            },
            warm_up_ms: u64::try_from(limits.warm_up.as_millis()).unwrap_or(u64::MAX),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            calls: measured.calls(),
            calls_per_second: (succeeded as f64 / elapsed.as_secs_f64().max(1e-6)).round(),
            failed: measured.failed(),
            errors: measured.errors().clone(),
            missed: *missed,
            interrupted: *interrupted,
            latency: measured.latency(),
            late: measured.late(),
        }
    }

    /// What was done, in one line.
    pub(super) fn title(&self) -> String {
        let pace = match self.pace {
            Paced::Closed { in_flight } => format!("closed loop, {in_flight} in flight"),
            Paced::Open { rate, .. } => format!("open loop, {rate} in a second"),
        };
        let [elapsed, warm_up] =
            [self.elapsed_ms, self.warm_up_ms].map(|time| microseconds(time.saturating_mul(1_000)));
        format!("{}: {pace}, {elapsed} after {warm_up} of warm-up", self.called)
    }

    /// For people.
    pub(super) fn text(&self, measured: &Measured) -> String {
        let mut table = Table::new([
            "CALLS",
            "PER SECOND",
            "FAILED",
            "MEAN",
            "P50",
            "P90",
            "P99",
            "P99.9",
            "P99.99",
            "MAX",
        ]);
        let Times { mean_us, p50_us, p90_us, p99_us, p999_us, p9999_us, max_us, .. } = self.latency;
        table.row([
            self.calls.to_string(),
            format!("{:.0}", self.calls_per_second),
            self.failed.to_string(),
            microseconds(mean_us),
            microseconds(p50_us),
            microseconds(p90_us),
            microseconds(p99_us),
            microseconds(p999_us),
            microseconds(p9999_us),
            microseconds(max_us),
        ]);
        let mut text = format!("{}\n\n{}", crate::output::readable(&self.title()), table.render());
        for (code, count) in &self.errors {
            text.push_str(&format!("\n{count} failed: {}", crate::output::readable(code)));
        }
        if let Paced::Open { most_in_flight, .. } = self.pace {
            text.push_str(&format!(
                "\nbegan late by {} in the mean, {} at most; its times count from when a call should have begun",
                microseconds(self.late.mean_us),
                microseconds(self.late.max_us)
            ));
            if self.missed > 0 {
                text.push_str(&format!(
                    "\n{} did not begin, since {most_in_flight} were under way (--in-flight): this is more than it can bear",
                    self.missed
                ));
            }
        }
        if self.interrupted {
            text.push_str("\ninterrupted: calls that were under way are left out");
        }
        text + "\n\n" + &plot::text(measured)
    }

    /// Whether all went well, in words if not.
    pub(super) fn complaint(&self) -> Option<String> {
        let Self { calls, failed, missed, .. } = self;
        match (failed, missed) {
            (0, 0) if *calls == 0 => Some("no call ended".to_owned()),
            (0, 0) => None,
            (0, missed) => Some(format!("{missed} calls did not begin in time")),
            (failed, _) => Some(format!("{failed} of {calls} calls failed")),
        }
    }
}
