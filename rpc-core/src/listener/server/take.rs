//! Takes events and gives each batch a worker.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::builder::Batch;
use super::settle::Settler;
use crate::listener::group::{Dispatcher, Selected};
use crate::listener::intake::{Arrival, Intake};
use crate::priority::Priority;

/// Takes events and gives each batch a worker.
pub(super) struct Taker {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) settler: Arc<Settler>,
    pub(super) workers: Arc<Semaphore>,
    pub(super) running: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) kill: CancellationToken,
    pub(super) batch: Batch,
}

/// An event and its handlers.
type Taken = (Arrival, Selected);

impl Taker {
    /// Runs until told to stop or the transport is closed; returns the intake, through which what still runs is settled.
    pub(super) async fn run(self, mut intake: Intake) -> Intake {
        let stop = self.stop.clone();
        // What a batch had when it was told to stop goes back.
        let _ = stop.run_until_cancelled(self.take(&mut intake)).await;
        intake.stop().await;
        intake
    }

    async fn take(&self, intake: &mut Intake) {
        while let Some(batch) = self.next_batch(intake).await {
            // The batch first, then the worker: it fills while others are handled. The semaphore is never closed.
            let Ok(worker) = Arc::clone(&self.workers).acquire_owned().await else { return };
            let (dispatcher, settler, kill) =
                (Arc::clone(&self.dispatcher), Arc::clone(&self.settler), self.kill.clone());
            self.running.spawn(async move {
                // Dropped half-way, it gives back what is not settled.
                let _ = kill.run_until_cancelled(handle(&dispatcher, &settler, batch)).await;
                drop(worker);
            });
        }
    }

    /// Waits for the first event, then for others until there are enough or its time is over.
    async fn next_batch(&self, intake: &mut Intake) -> Option<Vec<Taken>> {
        let mut batch = vec![self.next(intake).await?];
        let until = self.batch.within.map(|within| Instant::now() + within);
        while batch.len() < self.batch.size.into() {
            let next = self.next(intake);
            let next = match until {
                Some(until) => tokio::time::timeout_at(until, next).await.unwrap_or(None),
                None => next.await,
            };
            let Some(taken) = next else { break };
            batch.push(taken);
        }
        Some(batch)
    }

    /// The next event that a handler wants.
    async fn next(&self, intake: &mut Intake) -> Option<Taken> {
        loop {
            let arrival = intake.next().await?;
            match self.dispatcher.select(&arrival) {
                Ok(Some(selected)) => return Some((arrival, selected)),
                Ok(None) => drop(arrival.acknowledger.ack()),
                Err(error) => intake.rejecter().reject(arrival, error.code(), error.message()),
            }
        }
    }
}

/// Handles a batch, priority by priority in the order of their first events.
async fn handle(dispatcher: &Dispatcher, settler: &Settler, batch: Vec<Taken>) {
    let mut groups: Vec<(Priority, Vec<Arrival>, Vec<Selected>)> = Vec::new();
    for (arrival, selected) in batch {
        let priority = arrival.message.priority;
        let place = groups.iter().position(|(other, ..)| *other == priority).unwrap_or_else(|| {
            groups.push((priority, Vec::new(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(arrival);
        groups[place].2.push(selected);
    }
    for (_, arrivals, selected) in groups {
        let fates = dispatcher.run(&selected).await;
        for (arrival, fate) in arrivals.into_iter().zip(&fates) {
            settler.settle(arrival, fate);
        }
    }
}
