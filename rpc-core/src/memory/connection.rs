//! A connection to a memory broker.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::broker::MemoryBroker;
use super::consumer::MemoryConsumer;
use super::queue::Taker;
use crate::dead_letters::{DeadLetterQuery, Treated};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed, Phase};
use crate::message::Message;
use crate::target::Target;
use crate::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, LinkState, QueueDepth, Source, Status,
    StatusReporter, StatusWatch, Transport,
};

pub(super) struct Connection {
    broker: MemoryBroker,
    id: u64,
    status: StatusReporter,
}

impl Connection {
    pub(super) fn new(broker: MemoryBroker, id: u64) -> Self {
        Self { broker, id, status: StatusReporter::new(Status::CONNECTING.next_epoch()) }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.status.watch().now().state == LinkState::Closed {
            return Err(Error::new(Code::Unavailable, "the memory transport was closed")
                .with_executed(Executed::NotSent)
                .with_retryable(false));
        }
        Ok(())
    }

    fn hand_over(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.check_open()?;
        if deadline.has_passed() {
            return Err(Error::new(
                Code::DeadlineExceeded,
                "the deadline passed before the message was sent",
            )
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish));
        }
        self.capabilities().check_size(message.payload())?;
        self.broker.state().publish(destination, message)
    }

    fn leave(&self) {
        self.status.update(|status| status.with(LinkState::Closed, None));
        self.broker.state().detach_connection(self.id);
    }
}

#[async_trait]
impl Transport for Connection {
    async fn publish(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.hand_over(destination, message, deadline)
    }

    fn publish_now(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<Result<(), Error>, Message> {
        Ok(self.hand_over(destination, message, deadline))
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.check_open()?;
        if matches!(&source, Source::Notifications(subscription) if subscription.history.is_some()) {
            let message = "a memory broker keeps no history: read it over a broker that does";
            return Err(Error::new(Code::Unavailable, message)
                .with_executed(Executed::NotSent)
                .with_retryable(false)
                .with_phase(Phase::Connect));
        }
        // Replies are bounded by the calls that wait for them.
        let prefetch =
            if matches!(source, Source::Replies(_)) { usize::MAX } else { options.prefetch.into() };
        let (sender, receiver) = mpsc::unbounded_channel();
        let taker = self.broker.next_id();
        let mut state = self.broker.state();
        let queues = state.declare_source(&source, taker);
        for (queue, name) in queues.iter().enumerate() {
            state.attach(name, Taker::new(taker, self.id, prefetch, sender.clone(), queue));
        }
        drop(state);
        Ok(Box::new(MemoryConsumer::new(&self.broker, taker, queues, receiver)))
    }

    async fn inspect(&self, target: &Target) -> Result<Option<QueueDepth>, Error> {
        self.check_open()?;
        self.broker.state().inspect(target)
    }

    async fn count_dead_letters(&self, exchange: &str, topic: &str) -> Result<u32, Error> {
        self.check_open()?;
        let count = self.broker.state().dead_letters.count(exchange, topic);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn treat_dead_letters(&self, query: DeadLetterQuery) -> Result<Treated, Error> {
        self.check_open()?;
        Ok(self.broker.state().treat_dead_letters(&query))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            fail_fast: true,
            redelivery_count: true,
            expiry: true,
            dead_letters: true,
            ..Capabilities::new()
        }
    }

    fn status(&self) -> StatusWatch {
        self.status.watch()
    }

    async fn close(&self, _grace: Duration) {
        self.leave();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave();
    }
}
