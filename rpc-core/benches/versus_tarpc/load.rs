//! A closed loop: so many tasks, each of which makes one call after the other.

use std::time::{Duration, Instant};

/// Somebody who can be called.
pub(crate) trait Requester: Clone + Send + Sync + 'static {
    /// The text comes back.
    fn echo(&self, text: String) -> impl Future<Output = String> + Send;
}

/// Nanoseconds that pass per call, `in_flight` of which are made at a time.
pub(crate) async fn load<R: Requester>(requester: &R, in_flight: usize, time: Duration) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let requester = requester.clone();
            tokio::spawn(async move {
                let text = "x".repeat(64);
                let mut calls = 0_u32;
                while start.elapsed() < time {
                    assert_eq!(requester.echo(text.clone()).await.len(), text.len());
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await.expect("no call fails");
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
