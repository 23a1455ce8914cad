//! The state of one consumer.

use std::sync::Arc;

use tokio::time::Instant;

use super::watch::{Reporter, Watch};

/// The state of one consumer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConsumerState {
    /// The broker delivers to it.
    Consuming,
    /// The broker does not, and the transport is about to change that.
    Degraded,
    /// It was stopped, or the transport was closed.
    Stopped,
}

/// What is known about one consumer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The state.
    pub state: ConsumerState,
    /// Why it is degraded.
    pub reason: Option<Arc<str>>,
    /// How often its queue was found gone after an absence, with all that it held, and was made anew.
    pub losses: u64,
    /// When that was found last.
    pub lost_at: Option<Instant>,
}

/// Where a consumer says how it is.
pub type ConsumerReporter = Reporter<ConsumerStatus>;

/// How a consumer is, now and when it changes.
pub type ConsumerWatch = Watch<ConsumerStatus>;

impl ConsumerStatus {
    /// A consumer that has lost nothing and gets deliveries.
    pub const CONSUMING: Self =
        Self { state: ConsumerState::Consuming, reason: None, losses: 0, lost_at: None };

    /// The same consumer, getting deliveries.
    #[must_use]
    pub const fn consuming(&self) -> Self {
        Self { state: ConsumerState::Consuming, reason: None, losses: self.losses, lost_at: self.lost_at }
    }

    /// The same consumer, getting none for the moment.
    #[must_use]
    pub fn degraded(&self, reason: impl Into<Arc<str>>) -> Self {
        Self { state: ConsumerState::Degraded, reason: Some(reason.into()), ..self.clone() }
    }

    /// The same consumer, after its end.
    #[must_use]
    pub const fn stopped(&self) -> Self {
        Self { state: ConsumerState::Stopped, reason: None, losses: self.losses, lost_at: self.lost_at }
    }

    /// The same consumer, whose queue is gone with all that it held.
    #[must_use]
    pub fn after_loss(&self) -> Self {
        Self { losses: self.losses + 1, lost_at: Some(Instant::now()), ..self.clone() }
    }
}
