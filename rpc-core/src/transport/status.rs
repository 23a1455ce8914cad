//! The state of the link to the broker.

use std::fmt;
use std::sync::Arc;

use super::watch::{Reporter, Watch};

/// The state of the link to the broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LinkState {
    /// Trying to reach the broker, for the first time or again.
    Connecting,
    /// In use.
    Connected,
    /// Partly in use: one of several connections is up and another is not. `last_error` says which, and what does not
    /// work meanwhile.
    Degraded,
    /// Connected, but the broker accepts no publishes at the moment.
    Blocked,
    /// Not connected, and not before a person changes something: the broker refuses the login or the place, or a
    /// certificate is not accepted. It is still tried, now and then.
    Refused,
    /// Closed for good.
    Closed,
}

/// What is known about the link to the broker.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The state.
    pub state: LinkState,
    /// How many links there have been; grows by one with every reconnect.
    pub epoch: u64,
    /// What is wrong: why the last link ended, why the last attempt failed, what does not work. Never holds a password.
    pub last_error: Option<Arc<str>>,
}

impl Status {
    /// Before the first link.
    pub const CONNECTING: Self = Self { state: LinkState::Connecting, epoch: 0, last_error: None };

    /// The same epoch in another state, with the reason for a bad one.
    #[must_use]
    pub fn with(&self, state: LinkState, last_error: Option<Arc<str>>) -> Self {
        Self { state, epoch: self.epoch, last_error }
    }

    /// A fresh link: the next epoch, connected.
    #[must_use]
    pub const fn next_epoch(&self) -> Self {
        Self { state: LinkState::Connected, epoch: self.epoch + 1, last_error: None }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.state {
            LinkState::Connecting => "connecting",
            LinkState::Connected => "connected",
            LinkState::Degraded => "degraded",
            LinkState::Blocked => "blocked",
            LinkState::Refused => "refused",
            LinkState::Closed => "closed",
        })?;
        self.last_error.as_ref().map_or(Ok(()), |error| write!(formatter, " ({error})"))
    }
}

/// Where a transport says how its link is.
pub type StatusReporter = Reporter<Status>;

/// How the link is, now and when it changes.
pub type StatusWatch = Watch<Status>;
