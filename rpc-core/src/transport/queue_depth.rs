//! How full a queue is, and who takes from it.

use std::fmt;

/// How full the queue of a target is, and how many consumers it has, at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct QueueDepth {
    /// Messages that wait to be delivered. Those that were delivered and are not settled do not count.
    pub ready: u32,
    /// Consumers, busy or not.
    pub consumers: u32,
}

impl QueueDepth {
    /// A queue with so many messages that wait, and so many consumers.
    #[must_use]
    pub const fn new(ready: u32, consumers: u32) -> Self {
        Self { ready, consumers }
    }
}

impl fmt::Display for QueueDepth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ready, consumers } = self;
        let plural = if *consumers == 1 { "" } else { "s" };
        write!(formatter, "queue exists, {consumers} consumer{plural}, {ready} ready")
    }
}
