//! Takes deliveries in and gives each a worker.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handle::{Arrived, Handler};
use super::introspect::Selector;
use super::worker::Worker;
use crate::message::{Malformed, Message};
use crate::transport::{Consumer, next};

/// Takes deliveries of one source in and gives each a worker.
pub(super) struct Intake {
    pub(super) handler: Arc<Handler>,
    pub(super) workers: Arc<Semaphore>,
    pub(super) running: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) fanout: bool,
    /// Says which of the deliveries are to be handled, if not all are.
    pub(super) selector: Option<Selector>,
}

impl Intake {
    /// Runs until told to stop or the transport is closed; returns the consumer, through which what still runs
    /// is settled.
    pub(super) async fn run(self, mut consumer: Box<dyn Consumer>) -> Box<dyn Consumer> {
        let mut stopped = pin!(self.stop.cancelled());
        loop {
            let delivery = tokio::select! {
                biased;
                () = &mut stopped => break,
                delivery = next(&mut *consumer) => delivery,
            };
            let Some(delivery) = delivery else { break };
            if self.selector.as_ref().is_some_and(|selector| !selector.takes(&delivery)) {
                drop(delivery.ack());
                continue;
            }
            // The delivery first, then the worker: several intakes share the workers, and one that waited with
            // a worker in its hand would starve the others.
            let free = Arc::clone(&self.workers).try_acquire_owned();
            let worker = if let Ok(worker) = free {
                worker
            } else {
                tokio::select! {
                    biased;
                    () = &mut stopped => break,
                    worker = Arc::clone(&self.workers).acquire_owned() => match worker {
                        Ok(worker) => worker,
                        // The semaphore is never closed.
                        Err(_) => break,
                    },
                }
            };
            let handler = Arc::clone(&self.handler);
            let (redelivered, fanout) = (delivery.is_redelivered(), self.fanout);
            let received = delivery.received();
            let (message, acknowledger) = delivery.into_parts();
            let malformed = match message {
                Ok(Message::Request(request)) => {
                    let arrived = Arrived { request, received, redelivered, fanout, acknowledger };
                    // In a box, since the allocator is slow with tasks that are large: they are aligned to 128 bytes.
                    self.running.spawn(Box::pin(async move {
                        handler.request(arrived, Worker::Taken(worker)).await;
                    }));
                    continue;
                }
                Ok(Message::Reply(_) | Message::Notification(_)) => {
                    Malformed::new("the message is not a request")
                }
                Err(malformed) => malformed,
            };
            self.running.spawn(async move {
                handler.refuse(malformed, acknowledger).await;
                drop(worker);
            });
        }
        consumer.stop().await;
        consumer
    }
}
