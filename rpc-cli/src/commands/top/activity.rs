//! What was done between two looks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rpc_core::introspection::{MethodStats, Stats};
use serde::Serialize;
use tokio::time::Instant;

/// What all servers said at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    at: Instant,
    stats: Vec<Stats>,
}

/// What was done for one method by all servers of a topic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Activity {
    pub(super) topic: String,
    pub(super) method: String,
    /// How many servers serve it.
    pub(super) servers: usize,
    pub(super) calls_per_second: f64,
    pub(super) errors_per_second: f64,
    /// How many run now.
    pub(super) running: u64,
    /// Of those that have ended between the looks, if any has.
    pub(super) mean_us: Option<u64>,
    /// Since the start of the server where it is longest; likewise the next.
    pub(super) p99_us: u64,
    pub(super) queue_wait_p99_us: u64,
}

/// What is counted at one server for one method since its start.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    calls: u64,
    errors: u64,
    runs: u64,
    microseconds: u64,
}

/// A server's instance, and a method of it.
type Place<'a> = (&'a str, Option<&'a str>, &'a str, &'a str);

impl Sample {
    pub(super) const fn new(at: Instant, stats: Vec<Stats>) -> Self {
        Self { at, stats }
    }

    pub(super) fn servers(&self) -> usize {
        self.stats.iter().map(|stats| &stats.server.instance).collect::<BTreeSet<_>>().len()
    }

    /// What was done since `earlier`, the busiest method first. Servers that were not there then count from now on.
    pub(super) fn since(&self, earlier: &Self) -> Vec<Activity> {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let before: HashMap<_, _> =
            earlier.counts().map(|(place, _, method)| (place, Counted::of(method))).collect();
        let mut sums: BTreeMap<(&str, &str), (Activity, Counted)> = BTreeMap::new();
        for (place, topic, method) in self.counts() {
            let now = Counted::of(method);
            let done = before.get(&place).map_or_else(Counted::default, |before| now.since(*before));
            let (activity, sum) = sums
                .entry((topic, &method.method))
                .or_insert_with(|| (Activity::none(topic, &method.method), Counted::default()));
            *sum = sum.plus(done);
            activity.servers += 1;
            activity.running += method.in_flight;
            activity.p99_us = activity.p99_us.max(method.latency.p99_us);
            activity.queue_wait_p99_us = activity.queue_wait_p99_us.max(method.queue_wait.p99_us);
        }
        let mut activities: Vec<_> = sums
            .into_values()
            .map(|(activity, Counted { calls, errors, runs, microseconds })| Activity {
                calls_per_second: calls as f64 / seconds,
                errors_per_second: errors as f64 / seconds,
                mean_us: microseconds.checked_div(runs),
                ..activity
            })
            .collect();
        // Stable, so methods that are alike stay in the order of their names.
        activities.sort_by(|one, other| {
            let busy = |activity: &Activity| (activity.calls_per_second, activity.running as f64);
            busy(other).partial_cmp(&busy(one)).unwrap_or(std::cmp::Ordering::Equal)
        });
        activities
    }

    fn counts(&self) -> impl Iterator<Item = (Place<'_>, &str, &MethodStats)> {
        self.stats.iter().flat_map(|stats| {
            stats.methods.iter().map(|method| {
                let place = (
                    stats.server.instance.as_str(),
                    method.namespace.as_deref(),
                    method.version.as_str(),
                    method.method.as_str(),
                );
                (place, stats.server.topic.as_str(), method)
            })
        })
    }
}

impl Counted {
    fn of(method: &MethodStats) -> Self {
        Self {
            calls: method.calls,
            errors: method.errors.values().sum(),
            runs: method.latency.count,
            microseconds: method.latency.mean_us.saturating_mul(method.latency.count),
        }
    }

    const fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            errors: self.errors.saturating_sub(before.errors),
            runs: self.runs.saturating_sub(before.runs),
            microseconds: self.microseconds.saturating_sub(before.microseconds),
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            errors: self.errors.saturating_add(other.errors),
            runs: self.runs.saturating_add(other.runs),
            microseconds: self.microseconds.saturating_add(other.microseconds),
        }
    }
}

impl Activity {
    fn none(topic: &str, method: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            method: method.to_owned(),
            servers: 0,
            calls_per_second: 0.0,
            errors_per_second: 0.0,
            running: 0,
            mean_us: None,
            p99_us: 0,
            queue_wait_p99_us: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    /// One server's counts for methods, each with its calls, errors, what runs, and the mean of all its times.
    fn stats(topic: &str, instance: &str, methods: &[(&str, u64, u64, u64, u64)]) -> Stats {
        let methods: Vec<_> = methods
            .iter()
            .map(|(method, calls, errors, running, mean)| {
                let times = json!({
                    "count": calls, "mean_us": mean, "p50_us": mean, "p90_us": mean, "p99_us": 10 * mean, "p999_us": mean,
                    "max_us": mean,
                });
                json!({
                    "namespace": null, "version": "1.0", "method": method, "calls": calls, "in_flight": running,
                    "errors": { "panicked": errors }, "latency": times, "queue_wait": times,
                })
            })
            .collect();
        serde_json::from_value(json!({
            "server": { "exchange": "default", "topic": topic, "server": "s", "instance": instance },
            "uptime_ms": 0, "workers": 1, "running": 0, "rejected": 0, "refused": {}, "methods": methods,
        }))
        .unwrap()
    }

    #[test]
    fn rates_are_those_of_the_time_between_and_of_all_servers() {
        let start = Instant::now();
        let earlier = Sample::new(
            start,
            vec![
                stats("t", "1", &[("a", 100, 1, 0, 10), ("b", 5, 0, 0, 10)]),
                stats("t", "gone", &[("a", 1_000, 0, 9, 10)]),
            ],
        );
        let later = Sample::new(
            start + Duration::from_secs(2),
            vec![
                stats("t", "1", &[("a", 110, 3, 2, 20), ("b", 5, 0, 0, 10)]),
                stats("t", "new", &[("a", 500, 0, 1, 50)]),
                stats("u", "2", &[("a", 7, 0, 0, 10)]),
            ],
        );
        assert_eq!(later.servers(), 3);
        let [first, ..] = &later.since(&earlier)[..] else { panic!("nothing was done") };
        assert_eq!((first.topic.as_str(), first.method.as_str(), first.servers), ("t", "a", 2));
        assert!(
            (first.calls_per_second - 5.0).abs() < 1e-9 && (first.errors_per_second - 1.0).abs() < 1e-9,
            "{first:?}"
        );
        assert_eq!((first.running, first.p99_us), (3, 500));
        assert_eq!(first.mean_us, Some((110 * 20 - 100 * 10) / 10), "of the ten that ended between");
        let others: Vec<_> =
            later.since(&earlier).into_iter().skip(1).map(|it| (it.topic, it.method, it.mean_us)).collect();
        let quiet = |topic: &str, method: &str| (topic.to_owned(), method.to_owned(), None);
        assert_eq!(others, [quiet("t", "b"), quiet("u", "a")]);
    }
}
