//! A consumer at a memory broker.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedReceiver;

use super::broker::MemoryBroker;
use super::queue::Handed;
use super::state::QueueName;
use crate::error::{Code, Error};
use crate::transport::{
    Consumer, ConsumerReporter, ConsumerStatus, ConsumerWatch, Delivery, PollNext, SettleTagged, Settlement,
};

pub(super) struct MemoryConsumer {
    broker: MemoryBroker,
    taker: u64,
    queues: Vec<Arc<TakenQueue>>,
    receiver: UnboundedReceiver<Handed>,
    stopped: bool,
    status: ConsumerReporter,
}

impl MemoryConsumer {
    pub(super) fn new(
        broker: &MemoryBroker,
        taker: u64,
        names: Vec<QueueName>,
        receiver: UnboundedReceiver<Handed>,
    ) -> Self {
        let queue = |name| Arc::new(TakenQueue { broker: broker.clone(), taker, name });
        let queues = names.into_iter().map(queue).collect();
        let status = ConsumerReporter::new(ConsumerStatus::CONSUMING);
        Self { broker: broker.clone(), taker, queues, receiver, stopped: false, status }
    }

    fn poll_delivery(&mut self, context: &mut task::Context<'_>) -> Poll<Option<Delivery>> {
        while !self.stopped {
            let Some(handed) = ready!(self.receiver.poll_recv(context)) else { break };
            // The connection may have been closed meanwhile, and the message given to somebody else.
            if self.broker.state().is_out(&self.queues[handed.queue].name, self.taker, handed.place) {
                return Poll::Ready(Some(self.delivery(handed)));
            }
        }
        self.status.update(ConsumerStatus::stopped);
        Poll::Ready(None)
    }

    fn delivery(&self, handed: Handed) -> Delivery {
        let Handed { queue, place, mut message, deliveries } = handed;
        // What was sent as a later attempt, or put back as one, counts on from there.
        let told = message.context().map(|context| context.attempt);
        let attempt = told.map(|told| told.max(1).saturating_add(deliveries - 1));
        if let Some(attempt) = attempt.filter(|_| attempt != told)
            && let Some(context) = message.context_mut()
        {
            context.attempt = attempt;
        }
        let queue: Arc<TakenQueue> = Arc::clone(&self.queues[queue]);
        Delivery::tagged(Ok(message), deliveries > 1, queue, place)
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|context| self.poll_delivery(context)).await
    }

    fn poll_next(&mut self, context: &mut task::Context<'_>) -> PollNext {
        PollNext::Polled(self.poll_delivery(context))
    }

    fn status(&self) -> ConsumerWatch {
        self.status.watch()
    }

    async fn stop(&mut self) {
        self.stopped = true;
        self.status.update(ConsumerStatus::stopped);
        let mut state = self.broker.state();
        for queue in &self.queues {
            state.stop(&queue.name, self.taker);
        }
        while let Ok(Handed { queue, place, .. }) = self.receiver.try_recv() {
            state.settle(&self.queues[queue].name, self.taker, place, Settlement::Requeue);
        }
    }

    async fn close(self: Box<Self>) {}
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        self.status.update(ConsumerStatus::stopped);
        let mut state = self.broker.state();
        for queue in &self.queues {
            state.detach(&queue.name, self.taker);
        }
    }
}

/// A queue that a consumer takes from. The tag of a delivery is its place there.
struct TakenQueue {
    broker: MemoryBroker,
    taker: u64,
    name: QueueName,
}

impl SettleTagged for TakenQueue {
    fn settle(&self, place: u64, settlement: Settlement) -> Result<(), Error> {
        if self.broker.state().settle(&self.name, self.taker, place, settlement) {
            Ok(())
        } else {
            let message = "the consumer that took the message is gone, so it will be delivered again";
            Err(Error::new(Code::Unavailable, message))
        }
    }
}
