//! How a source is consumed.

/// How a source is consumed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConsumeOptions {
    /// How many deliveries of a queue may be unsettled at a time; at least 1.
    pub prefetch: u16,
}

impl ConsumeOptions {
    /// One delivery at a time.
    #[must_use]
    pub const fn new() -> Self {
        Self { prefetch: 1 }
    }

    /// Sets how many deliveries of a queue may be unsettled at a time; 0 counts as 1. Default: 1, the least that
    /// works.
    #[must_use]
    pub const fn prefetch(mut self, prefetch: u16) -> Self {
        self.prefetch = if prefetch == 0 { 1 } else { prefetch };
        self
    }
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        Self::new()
    }
}
