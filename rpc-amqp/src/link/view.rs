//! What is known about one connection.

use std::sync::Arc;

use tokio::time::Instant;

use super::refusal::Refusal;
use super::session::Session;

/// What is known about one connection, for those who wait for it.
#[derive(Clone, Default)]
pub(crate) struct View {
    /// The epoch, if there is one now.
    pub(crate) session: Option<Arc<Session>>,
    /// How many epochs there have been.
    pub(crate) epoch: u64,
    /// Why the broker accepts no publishes at the moment.
    pub(crate) blocked: Option<Arc<str>>,
    /// When it last began to accept none.
    pub(crate) blocked_since: Option<Instant>,
    /// Why the last epoch ended or the last attempt failed.
    pub(crate) last_error: Option<Arc<Refusal>>,
    /// Closed for good.
    pub(crate) closed: bool,
}

impl View {
    /// Since when the broker has accepted no publishes, if it accepts none now.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        self.blocked.as_ref().and(self.blocked_since)
    }

    /// Why there is no epoch, and will be none until a person changes something.
    pub(crate) fn refusal(&self) -> Option<&Arc<Refusal>> {
        self.last_error.as_ref().filter(|refusal| self.session.is_none() && refusal.is_final())
    }

    /// The epoch, if messages may be handed to it.
    pub(crate) fn open(&self) -> Option<&Arc<Session>> {
        self.session.as_ref().filter(|session| self.blocked.is_none() && !session.is_over())
    }
}
