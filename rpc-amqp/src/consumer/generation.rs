//! The life of one consumer's channel.

use std::sync::atomic::{AtomicBool, Ordering};

/// The life of one consumer's channel. Delivery tags start again at 1 on the next channel, so a tag is worth nothing
/// without it.
#[derive(Debug, Default)]
pub(super) struct Generation {
    over: AtomicBool,
    /// Its deliveries are worth something after its end: replies, of which a second copy does no harm.
    outlived: bool,
}

impl Generation {
    pub(super) const fn new(outlived: bool) -> Self {
        Self { over: AtomicBool::new(false), outlived }
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether its deliveries are delivered again, so that settling or handling them is pointless.
    pub(super) fn is_over(&self) -> bool {
        !self.outlived && self.over.load(Ordering::Acquire)
    }
}
