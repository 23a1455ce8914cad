//! Events that are kept to be read again.

use std::time::{Duration, SystemTime};

/// How long the events of a topic are kept to be read again: until they are too old or too many, whichever is first.
///
/// A broker may keep more than was said, never less: RabbitMQ forgets whole files of up to 500 MB.
///
/// ```
/// use std::time::Duration;
///
/// use rpc_core::Retention;
///
/// let a_week = Retention::age(Duration::from_secs(7 * 86_400)).and_bytes(20_000_000_000);
/// # drop(a_week);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use]
pub struct Retention {
    age: Option<Duration>,
    bytes: Option<u64>,
}

impl Retention {
    /// Keeps events for so long, counted in whole seconds, at least one.
    pub const fn age(age: Duration) -> Self {
        Self { age: Some(age), bytes: None }
    }

    /// Keeps so many bytes of events.
    pub const fn bytes(bytes: u64) -> Self {
        Self { age: None, bytes: Some(bytes) }
    }

    /// Keeps no more than so many bytes of events.
    pub const fn and_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// How long events are kept, if there is a limit.
    #[must_use]
    pub const fn max_age(&self) -> Option<Duration> {
        self.age
    }

    /// How many bytes are kept, if there is a limit.
    #[must_use]
    pub const fn max_bytes(&self) -> Option<u64> {
        self.bytes
    }
}

/// Where reading a history begins.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Position {
    /// With the oldest event that is kept. The default.
    #[default]
    First,
    /// With the next event that comes. When the link is lost before one has come, those of the meantime are missed.
    Next,
    /// With the events of this time, by the broker's clock, and some from shortly before.
    Time(SystemTime),
    /// With the event of this offset, or the first after it that is kept. A history that was made anew since (it was deleted, or
    /// lost with its broker's disk) counts from 0 again, and nothing tells: there this waits until it has grown as long. So
    /// whoever deletes a history deletes the offsets that collectors have stored.
    Offset(u64),
}

impl Position {
    /// Behind the event of this offset: where a collector goes on that has stored it.
    #[must_use]
    pub const fn after(offset: u64) -> Self {
        Self::Offset(offset.saturating_add(1))
    }
}

/// What a subscription to a history asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// How long events are kept. Everybody who reads the history of a topic has to ask for the same.
    pub retention: Retention,
    /// Where reading begins.
    pub position: Position,
}

impl History {
    /// A history that is read from its beginning.
    #[must_use]
    pub const fn new(retention: Retention) -> Self {
        Self { retention, position: Position::First }
    }
}
