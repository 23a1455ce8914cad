//! The way of a decision from whoever handled a delivery to the consumer's task.

use std::sync::Arc;

use bytes::Bytes;
use lapin::BasicProperties;
use rpc_core::transport::{Settle, Settlement};
use rpc_core::{Code, Error, Executed};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::generation::Generation;

/// What the broker delivered, kept in case that it has to be published again.
#[derive(Clone)]
pub(super) struct Original {
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
    /// Which of the consumer's queues it came from.
    pub(super) queue: usize,
    /// From where in a stream, if it came from one.
    pub(super) read: Option<Read>,
    /// When it came: what is left of its times counts from here.
    pub(super) received: Instant,
}

/// A place in a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) offset: u64,
    /// How often it was handed out by this consumer.
    pub(super) attempt: u32,
}

/// A decision about one delivery.
pub(super) struct Settled {
    pub(super) settlement: Settlement,
    pub(super) settler: Box<Settler>,
}

/// Settles one delivery of a queue that waits for it.
pub(super) struct Settler {
    pub(super) generation: Arc<Generation>,
    pub(super) tag: u64,
    pub(super) original: Original,
    /// Without a bound of its own: each delivery is settled once, and the prefetch bounds the deliveries.
    pub(super) decisions: mpsc::UnboundedSender<Settled>,
}

impl Settle for Settler {
    fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), Error> {
        if self.generation.is_over() {
            return Err(gone());
        }
        // It stays where it is: what was delivered is large.
        let decisions = self.decisions.clone();
        decisions.send(Settled { settlement, settler: self }).map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::new(Code::Unavailable, "the link that brought the delivery is gone: the broker delivers it again")
        .with_executed(Executed::Unknown)
        .with_retryable(false)
}
