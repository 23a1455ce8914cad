//! Messages as they come from the broker.

use bytes::Bytes;
use lapin::BasicProperties;

/// A message that was delivered, or taken from a queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delivery {
    /// What the broker knows it by on its channel until it is settled.
    pub(crate) tag: u64,
    /// Whether it was given out before.
    pub(crate) redelivered: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// A message of ours that no queue takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Returned {
    pub(crate) exchange: String,
    pub(crate) key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// The confirm of a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Confirmation {
    /// The message, by its number in the order of publishing on its channel, from 1.
    pub(crate) tag: u64,
    /// Whether the broker has taken responsibility for it.
    pub(crate) acknowledged: bool,
    /// The oldest message that came back and was not told of. It may be another one.
    pub(crate) returned: Option<Box<Returned>>,
}

/// How full a queue is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Depth {
    /// Messages that wait.
    pub(crate) ready: u32,
    pub(crate) consumers: u32,
}
