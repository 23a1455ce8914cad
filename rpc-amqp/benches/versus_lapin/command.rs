//! What the director and its processes say to each other: a line of JSON each.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who is measured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Side {
    /// This transport.
    Ours,
    /// By hand: reply queue, correlation id, acknowledgement per message.
    Bare,
    /// By hand, with the same guarantees as ours.
    Equal,
}

/// What a client does again and again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Operation {
    /// Sends a request and waits for its reply.
    Call,
    /// Sends a request and waits until the broker has it.
    Cast,
    /// Likewise, to all servers.
    Fanout,
    /// Emits an event and waits until the broker has it.
    Notify,
}

/// Many operations.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Load {
    pub(crate) operation: Operation,
    /// How many tasks do one operation after the other.
    pub(crate) in_flight: usize,
    /// Of the body, in bytes.
    pub(crate) size: usize,
    pub(crate) time: Duration,
}

/// How a hand-written consumer acknowledges.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Manner {
    /// One event after the other.
    OneByOne,
    /// As many at a time as the broker hands out.
    Concurrent,
}

/// What the director wants.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Command {
    /// Of a client: operations.
    Load(Load),
    /// Of a server: wait until this many casts, fanouts to each server included, have run since its start.
    WaitForCasts(u64),
    /// Of a server: consume and acknowledge so many events. Ours has a manner of its own.
    Collect(u64, Manner),
    /// How much CPU time has been used.
    Usage,
}

/// What a process answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Answer {
    /// Its queues exist.
    Ready,
    /// The load is done.
    Loaded(Loaded),
    /// All that were waited for have run.
    Ran,
    /// From the first event that came to the last that the broker knows as acknowledged.
    Collected(Duration),
    /// User and system time since the start of the process.
    Used(Duration),
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Loaded {
    pub(crate) operations: u64,
    pub(crate) time: Duration,
    pub(crate) latency_p50: Duration,
    pub(crate) latency_p99: Duration,
}

impl Side {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare",
            Self::Equal => "equal",
        }
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Ours, Self::Bare, Self::Equal];
        all.into_iter().find(|side| side.as_str() == text).ok_or_else(|| format!("no side is called {text}"))
    }
}
