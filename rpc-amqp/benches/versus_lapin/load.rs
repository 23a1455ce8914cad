//! A closed loop: so many tasks, each of which does one operation after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::command::{Load, Loaded, Operation};
use super::requester::Requester;

/// Runs it. What has begun when the time is over still counts, and its time, too.
pub(crate) async fn run<R: Requester>(requester: &R, load: Load) -> Loaded {
    let body: Arc<str> = "x".repeat(load.size).into();
    let start = Instant::now();
    let tasks: Vec<_> = (0..load.in_flight)
        .map(|_| tokio::spawn(repeat(requester.clone(), load, Arc::clone(&body), start + load.time)))
        .collect();
    let mut measured = Vec::with_capacity(load.in_flight);
    for task in tasks {
        measured.push(task.await.expect("no operation fails"));
    }
    let time = start.elapsed();
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    for latency in measured.into_iter().flatten() {
        latencies.record(u64::try_from(latency.as_nanos()).unwrap()).unwrap();
    }
    let at = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
    Loaded { operations: latencies.len(), time, latency_p50: at(0.5), latency_p99: at(0.99) }
}

async fn repeat<R: Requester>(requester: R, load: Load, body: Arc<str>, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut before = Instant::now();
    while before < end {
        match load.operation {
            Operation::Call => requester.call(&body).await,
            Operation::Cast => requester.cast(&body).await,
            Operation::Fanout => requester.fanout(&body).await,
            Operation::Notify => requester.notify(&body).await,
        }
        let after = Instant::now();
        latencies.push(after - before);
        before = after;
    }
    latencies
}
