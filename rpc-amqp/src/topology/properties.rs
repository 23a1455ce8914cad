//! What a queue is declared with.

use std::borrow::Cow;
use std::fmt;

use super::declaration::{Joined, Lifetime, QueueKind, Storage, max_age};

/// What a queue is declared with: the broker compares all of it when the queue exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Properties {
    pub(crate) lifetime: Lifetime,
    pub(crate) is_exclusive: bool,
    pub(crate) arguments: Vec<(Cow<'static, str>, Argument)>,
}

/// The value of an argument.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Argument {
    Text(Cow<'static, str>),
    Number(i64),
}

pub(crate) const QUEUE_TYPE: &str = "x-queue-type";
pub(crate) const EXPIRES: &str = "x-expires";
pub(crate) const MAX_AGE: &str = "x-max-age";
pub(crate) const MAX_LENGTH_BYTES: &str = "x-max-length-bytes";
pub(crate) const DELIVERY_LIMIT: &str = "x-delivery-limit";
pub(crate) const MAX_IN_MEMORY_LENGTH: &str = "x-max-in-memory-length";
pub(crate) const MAX_IN_MEMORY_BYTES: &str = "x-max-in-memory-bytes";
pub(crate) const MIRRORING: &str = "x-ha-policy";

pub(crate) const QUORUM: &str = "quorum";
pub(crate) const STREAM: &str = "stream";
const CLASSIC: &str = "classic";
const EVERYWHERE: &str = "all";

impl Properties {
    pub(super) fn new(lifetime: Lifetime) -> Self {
        Self { lifetime, is_exclusive: false, arguments: Vec::new() }
    }

    /// The value of the argument, if it is there.
    pub(crate) fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// With this value of the argument, or without it.
    pub(crate) fn set(&mut self, name: Cow<'static, str>, value: Option<Argument>) {
        self.arguments.retain(|(known, _)| *known != name);
        self.arguments.extend(value.map(|value| (name, value)));
    }

    fn text(self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.with(name, Some(Argument::Text(value.into())))
    }

    /// Python counts zero as no limit.
    fn limit(self, name: &'static str, value: impl Into<i64>) -> Self {
        let value = value.into();
        self.with(name, (value > 0).then_some(Argument::Number(value)))
    }

    fn maybe_number(self, name: &'static str, value: Option<impl Into<i64>>) -> Self {
        self.with(name, value.map(|value| Argument::Number(value.into())))
    }

    fn with(mut self, name: &'static str, value: Option<Argument>) -> Self {
        self.set(Cow::Borrowed(name), value);
        self
    }
}

impl QueueKind {
    pub(crate) fn properties(&self) -> Properties {
        match *self {
            Self::Durable { queue_type, expires_ms } => Properties::new(Lifetime::FOR_EVER)
                .text(QUEUE_TYPE, queue_type.as_str())
                .maybe_number(EXPIRES, expires_ms),
            Self::Stream(retention) => {
                let bytes = retention.max_bytes().map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
                let age = max_age(&retention).map(|age| Argument::Text(age.into()));
                Properties::new(Lifetime::FOR_EVER)
                    .text(QUEUE_TYPE, STREAM)
                    .with(MAX_AGE, age)
                    .maybe_number(MAX_LENGTH_BYTES, bytes)
            }
            Self::Joined(joined) => joined.properties(),
            Self::Exclusive => {
                let lifetime = Lifetime { durable: false, auto_delete: true };
                Properties { is_exclusive: true, ..Properties::new(lifetime) }.text(QUEUE_TYPE, CLASSIC)
            }
        }
    }
}

impl Joined {
    /// In Python's order, and nothing where Python says nothing.
    fn properties(self) -> Properties {
        let properties = Properties::new(self.lifetime);
        let properties = match self.storage {
            Storage::Stream => {
                let age = self.ttl.map(|seconds| Argument::Text(format!("{seconds}s").into()));
                return properties.text(QUEUE_TYPE, STREAM).with(MAX_AGE, age);
            }
            Storage::Plain => properties,
            Storage::Mirrored => properties.text(MIRRORING, EVERYWHERE),
            Storage::Quorum(limits) => properties
                .text(QUEUE_TYPE, QUORUM)
                .limit(DELIVERY_LIMIT, limits.deliveries)
                .limit(MAX_IN_MEMORY_LENGTH, limits.length_in_memory)
                .limit(MAX_IN_MEMORY_BYTES, limits.bytes_in_memory),
        };
        let expires_ms = self.ttl.map(|seconds| i64::from(seconds) * 1_000);
        properties.maybe_number(EXPIRES, expires_ms)
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => write!(formatter, "{number}"),
        }
    }
}

/// ` with x-queue-type=quorum, x-expires=1800000`, or nothing.
impl fmt::Display for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nobody has a choice of the type of an exclusive queue.
        let arguments = if self.is_exclusive { &[] } else { &*self.arguments };
        for (index, (name, value)) in arguments.iter().enumerate() {
            write!(formatter, "{}{name}={value}", if index == 0 { " with " } else { ", " })?;
        }
        Ok(())
    }
}
