//! Where work stopped.

use std::fmt;

/// Where work stopped.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the broker.
    Connect,
    /// Handing the message to the broker.
    Publish,
    /// Waiting for the reply.
    Wait,
    /// Reading a request or a reply.
    Decode,
    /// Running the method.
    Handler,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Wait => "wait",
            Self::Decode => "decode",
            Self::Handler => "handler",
        })
    }
}
