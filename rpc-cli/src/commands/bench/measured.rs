//! What was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart from longer ones, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// How one call went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) is_measured: bool,
    /// From when it should have begun to its answer.
    pub(super) latency: Duration,
    /// How long after it should have it began.
    pub(super) late: Duration,
    /// The code of its error.
    pub(super) error: Option<String>,
}

/// What was measured. As large after an hour as after a second.
#[derive(Debug)]
pub(super) struct Measured {
    /// Of calls that succeeded, in microseconds.
    latencies: Histogram<u64>,
    /// Of all calls, in microseconds.
    late: Histogram<u64>,
    errors: BTreeMap<String, u64>,
    calls: u64,
}

/// Times in microseconds. Correct to three digits.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub(super) count: u64,
    pub(super) mean_us: u64,
    pub(super) min_us: u64,
    pub(super) p50_us: u64,
    pub(super) p90_us: u64,
    pub(super) p99_us: u64,
    pub(super) p999_us: u64,
    pub(super) p9999_us: u64,
    pub(super) max_us: u64,
}

impl Measured {
    pub(super) fn new() -> Self {
        Self { latencies: histogram(), late: histogram(), errors: BTreeMap::new(), calls: 0 }
    }

    pub(super) fn record(&mut self, outcome: Outcome) {
        if !outcome.is_measured {
            return;
        }
        self.calls += 1;
        self.late.saturating_record(microseconds(outcome.late));
        match outcome.error {
            None => self.latencies.saturating_record(microseconds(outcome.latency)),
            Some(code) => *self.errors.entry(code).or_default() += 1,
        }
    }

    /// How many calls ended, well or not.
    pub(super) const fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) const fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(super) fn latency(&self) -> Times {
        Times::of(&self.latencies)
    }

    pub(super) fn late(&self) -> Times {
        Times::of(&self.late)
    }

    /// How many calls took so many microseconds at most. Times that are not told apart count together.
    pub(super) fn up_to(&self, time: u64) -> u64 {
        self.latencies.count_between(0, time)
    }

    /// The time that this part of the calls, from 0 to 1, took at most.
    pub(super) fn quantile(&self, part: f64) -> u64 {
        self.latencies.value_at_quantile(part)
    }
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |part| histogram.value_at_quantile(part);
        let count = histogram.len();
        Self {
            count,
            mean_us: histogram.mean() as u64,
            min_us: if count == 0 { 0 } else { histogram.min() },
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: histogram.max(),
        }
    }
}

fn histogram() -> Histogram<u64> {
    // Refused are only a low bound of zero, a high one below twice that, and more than five digits.
    Histogram::new_with_bounds(1, LONGEST, 3)
        .unwrap_or_else(|_| unreachable!("1 to 3,600,000,000 in 3 digits"))
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_counted_by_its_code_and_is_no_latency() {
        let mut measured = Measured::new();
        for time in 1..=1_000_u64 {
            let latency = Duration::from_micros(time);
            let error = (time % 10 == 0).then(|| "overloaded".to_owned());
            measured.record(Outcome { is_measured: true, latency, late: Duration::ZERO, error });
        }
        let warm_up = Outcome {
            is_measured: false,
            latency: Duration::MAX,
            late: Duration::MAX,
            error: Some(String::new()),
        };
        measured.record(warm_up);
        let times = measured.latency();
        assert_eq!((measured.calls(), measured.failed(), times.count), (1_000, 100, 900));
        assert_eq!(measured.errors()["overloaded"], 100);
        assert_eq!((times.min_us, times.p50_us, times.max_us), (1, 499, 999));
        assert_eq!(measured.up_to(10), 9);
        let late = Duration::from_secs(1_000_000);
        measured.record(Outcome { is_measured: true, latency: late, late, error: None });
        assert!(measured.latency().max_us >= LONGEST, "an hour or longer");
    }
}
