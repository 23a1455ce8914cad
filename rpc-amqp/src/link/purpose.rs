//! What a connection is for.

use std::fmt;
use std::time::Duration;

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Publish,
    Consume,
}

impl Purpose {
    /// How long the system may wait for the peer to take what was sent before it ends the connection; `None` for its
    /// own measure.
    ///
    /// It cannot tell a peer that is gone from one that does not read, and a broker that is short of memory or disk stops
    /// reading from whoever publishes, for hours. That connection has to stay, and heartbeats, which come in all the
    /// while, show that it lives.
    pub(super) fn patience(self, heartbeat: Duration) -> Option<Duration> {
        match self {
            Self::Publish => None,
            Self::Consume => Some(heartbeat * 2),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        })
    }
}
