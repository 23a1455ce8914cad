//! Counts what a server does.

mod histogram;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use self::histogram::Histogram;
use super::routes::Route;
use crate::error::Code;
use crate::interface::{Interface, Method};
use crate::introspection::MethodStats;

/// Counts what a server does: for each method how many requests ended how, and how long they waited and ran.
///
/// Counted on the path of every request, so it takes no lock, and a method that was never called takes no room.
#[derive(Debug)]
pub(super) struct Statistics {
    interfaces: Vec<Vec<OnceLock<Box<Record>>>>,
    refused: Counts,
}

/// What is counted for one method.
#[derive(Debug)]
struct Record {
    running: AtomicU64,
    ended_well: AtomicU64,
    failed: Counts,
    latency: Histogram,
    queue_wait: Histogram,
}

/// A number for each code.
#[derive(Debug, Default)]
struct Counts([AtomicU64; Code::ALL.len()]);

/// A run that is being measured. When it is dropped, it has ended.
#[derive(Debug)]
#[must_use = "a run that is not held has ended"]
pub(super) struct Measured<'a> {
    record: &'a Record,
    started: Instant,
    failed: Option<Code>,
}

impl Statistics {
    pub(super) fn new(interfaces: &[Interface]) -> Self {
        let methods = |interface: &Interface| interface.methods.iter().map(|_| OnceLock::new()).collect();
        Self { interfaces: interfaces.iter().map(methods).collect(), refused: Counts::default() }
    }

    /// A request reached no method.
    pub(super) fn refused(&self, code: Code) {
        self.refused.add(code);
    }

    /// A request was refused that had found its method.
    pub(super) fn refused_by(&self, route: Route, code: Code) {
        self.record(route).failed.add(code);
    }

    /// A method starts to run, for a request that came at `received`.
    pub(super) fn started(&self, route: Route, received: Instant) -> Measured<'_> {
        let (record, started) = (self.record(route), Instant::now());
        record.queue_wait.record(started.saturating_duration_since(received));
        record.running.fetch_add(1, Ordering::Relaxed);
        Measured { record, started, failed: Some(Code::Cancelled) }
    }

    fn record(&self, route: Route) -> &Record {
        self.interfaces[route.endpoint][route.method].get_or_init(Box::default)
    }

    /// How many requests reached no method, by code.
    pub(super) fn refusals(&self) -> BTreeMap<String, u64> {
        self.refused.by_word()
    }

    /// What was counted for each method of `interfaces`, with which this was made.
    pub(super) fn methods(&self, interfaces: &[Interface]) -> Vec<MethodStats> {
        let of_interface = |(interface, records): (&Interface, &Vec<OnceLock<Box<Record>>>)| {
            let version = interface.version.to_string();
            let of_method = |(method, record): (&Method, &OnceLock<Box<Record>>)| MethodStats {
                namespace: interface.namespace.map(str::to_owned),
                version: version.clone(),
                method: method.name.to_owned(),
                ..record.get().map_or_else(MethodStats::none, |record| record.stats())
            };
            interface.methods.iter().zip(records).map(of_method).collect::<Vec<_>>()
        };
        interfaces.iter().zip(&self.interfaces).flat_map(of_interface).collect()
    }
}

impl Record {
    fn stats(&self) -> MethodStats {
        let errors = self.failed.by_word();
        MethodStats {
            calls: self.ended_well.load(Ordering::Relaxed) + errors.values().sum::<u64>(),
            in_flight: self.running.load(Ordering::Relaxed),
            errors,
            latency: self.latency.distribution(),
            queue_wait: self.queue_wait.distribution(),
            ..MethodStats::none()
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            running: AtomicU64::new(0),
            ended_well: AtomicU64::new(0),
            failed: Counts::default(),
            latency: Histogram::new(),
            queue_wait: Histogram::new(),
        }
    }
}

impl Measured<'_> {
    /// Says how it ended; `None` is well. One of which nothing is said was cancelled.
    pub(super) fn ended(mut self, failed: Option<Code>) {
        self.failed = failed;
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.record.running.fetch_sub(1, Ordering::Relaxed);
        self.record.latency.record(self.started.elapsed());
        match self.failed {
            None => {
                self.record.ended_well.fetch_add(1, Ordering::Relaxed);
            }
            Some(code) => self.record.failed.add(code),
        }
    }
}

impl Counts {
    fn add(&self, code: Code) {
        self.0[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Those that are not 0.
    fn by_word(&self) -> BTreeMap<String, u64> {
        let counts = Code::ALL.iter().map(|&code| (code, self.0[code as usize].load(Ordering::Relaxed)));
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(code, count)| (code.as_str().to_owned(), count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::interface::MethodKind;

    const METHODS: &[Method] = &[Method::new("a", MethodKind::Call), Method::new("b", MethodKind::Cast)];

    #[test]
    fn every_code_has_its_place() {
        assert!(Code::ALL.iter().enumerate().all(|(place, &code)| code as usize == place));
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_in_flight_and_what_ended_counts_once() {
        let interfaces =
            [Interface::new("First").with_methods(METHODS), Interface::new("Second").with_methods(METHODS)];
        let statistics = Statistics::new(&interfaces);
        let route = Route { endpoint: 1, method: 0 };
        let received = Instant::now();
        tokio::time::advance(Duration::from_micros(10)).await;
        let runs = [0; 3].map(|_| statistics.started(route, received));
        tokio::time::advance(Duration::from_micros(5)).await;
        let of_method = |statistics: &Statistics| statistics.methods(&interfaces).remove(2);
        assert_eq!((of_method(&statistics).calls, of_method(&statistics).in_flight), (0, 3));
        let [well, badly, dropped] = runs;
        well.ended(None);
        badly.ended(Some(Code::ServiceError));
        drop(dropped);
        statistics.refused_by(route, Code::PermissionDenied);
        statistics.refused(Code::NoSuchMethod);
        let counted = of_method(&statistics);
        assert_eq!((counted.calls, counted.in_flight, counted.method.as_str()), (4, 0, "a"));
        let errors = [("cancelled", 1), ("permission_denied", 1), ("service_error", 1)];
        assert_eq!(counted.errors, errors.map(|(word, count)| (word.to_owned(), count)).into());
        assert_eq!((counted.latency.count, counted.latency.p50_us), (3, 5));
        assert_eq!((counted.queue_wait.count, counted.queue_wait.max_us), (3, 10));
        assert_eq!(statistics.refusals(), [("no_such_method".to_owned(), 1)].into());
        let others = statistics.methods(&interfaces);
        assert_eq!(others.iter().map(|method| method.calls).collect::<Vec<_>>(), [0, 0, 4, 0]);
    }
}
