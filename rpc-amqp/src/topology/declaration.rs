//! What has to exist on the broker, as data.

use rpc_core::Retention;

use super::properties::Properties;
use crate::settings::QueueType;

/// Something that has to exist on the broker. Applied in order, and applying it twice changes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Declaration {
    /// An exchange; `is_joined` when peers of another framework declare it, too.
    Exchange { name: String, kind: ExchangeKind, lifetime: Lifetime, is_joined: bool },
    /// A queue.
    Queue { name: String, kind: QueueKind },
    /// A way from an exchange to a queue.
    Binding { queue: String, exchange: String, key: String },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ExchangeKind {
    Topic,
    Fanout,
    Direct,
}

/// What an exchange or a queue outlives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lifetime {
    /// Whether it outlives the broker's process.
    pub(crate) durable: bool,
    /// Whether it goes with its last user.
    pub(crate) auto_delete: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum QueueKind {
    /// Outlives everybody; with `expires_ms` it goes when nobody used it for so long.
    Durable { queue_type: QueueType, expires_ms: Option<i32> },
    /// Outlives everybody, and keeps what was read.
    Stream(Retention),
    /// Dies with its connection.
    Exclusive,
    /// As peers of another framework declare it.
    Joined(Joined),
}

/// A queue as Python peers declare it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Joined {
    pub(crate) lifetime: Lifetime,
    pub(crate) storage: Storage,
    /// In seconds: it goes when nobody used it for so long, and what is in a stream is kept for so long.
    pub(crate) ttl: Option<i32>,
    /// Whether it is of one process.
    pub(crate) is_own: bool,
}

/// How the broker keeps a queue of Python peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Storage {
    /// As it likes.
    Plain,
    /// Mirrored, if it is that old.
    Mirrored,
    Quorum(QuorumLimits),
    Stream,
}

/// The limits of a quorum queue, where zero is none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct QuorumLimits {
    pub(crate) deliveries: u32,
    pub(crate) length_in_memory: u32,
    pub(crate) bytes_in_memory: i64,
}

impl Lifetime {
    /// Never deleted by itself.
    pub(crate) const FOR_EVER: Self = Self { durable: true, auto_delete: false };

    /// For people.
    const fn as_str(self) -> &'static str {
        match (self.durable, self.auto_delete) {
            (true, false) => "durable",
            (true, true) => "durable auto-delete",
            (false, true) => "transient auto-delete",
            (false, false) => "transient",
        }
    }
}

impl Declaration {
    /// An exchange that is never deleted by itself.
    pub(crate) const fn exchange(name: String, kind: ExchangeKind) -> Self {
        Self::Exchange { name, kind, lifetime: Lifetime::FOR_EVER, is_joined: false }
    }

    /// One word that names it in a list of what exists.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Exchange { name, .. } | Self::Queue { name, .. } => name,
            Self::Binding { queue, .. } => queue,
        }
    }

    /// Whether it is the queue `named` so, and a classic one of Python peers.
    pub(crate) fn is_classic(&self, named: &str) -> bool {
        let Self::Queue { name, kind: QueueKind::Joined(joined) } = self else { return false };
        name == named && matches!(joined.storage, Storage::Plain | Storage::Mirrored)
    }

    /// Whether it belongs to more than one process; a binding does when its queue and its exchange do, which are `among` what
    /// is declared with it.
    pub(crate) fn is_shared(&self, among: &[Self]) -> bool {
        match self {
            // One that goes with its last user has to be made by the next, whoever that is.
            Self::Exchange { lifetime, .. } => !lifetime.auto_delete,
            // What expires or is exclusive is one server's or one client's.
            Self::Queue { kind, .. } => {
                matches!(
                    kind,
                    QueueKind::Durable { expires_ms: None, .. }
                        | QueueKind::Joined(Joined { is_own: false, .. })
                        | QueueKind::Stream(_)
                )
            }
            Self::Binding { queue, exchange, .. } => {
                let is = |wanted: &String, other: &Self| {
                    !matches!(other, Self::Binding { .. }) && other.name() == wanted
                };
                // An exchange that goes with its last user takes its bindings along, and they are made again with it.
                among.iter().any(|other| is(queue, other) && other.is_shared(&[]))
                    && !among.iter().any(|other| is(exchange, other) && !other.is_shared(&[]))
            }
        }
    }

    /// Whether peers of another framework declare it, too.
    pub(crate) const fn is_joined(&self) -> bool {
        matches!(
            self,
            Self::Exchange { is_joined: true, .. } | Self::Queue { kind: QueueKind::Joined(_), .. }
        )
    }

    /// What the broker compares when it exists. A binding has nothing that could differ.
    pub(crate) fn properties(&self) -> Option<Properties> {
        match self {
            Self::Exchange { lifetime, .. } => Some(Properties::new(*lifetime)),
            Self::Queue { kind, .. } => Some(kind.properties()),
            Self::Binding { .. } => None,
        }
    }

    /// What it wants, for people.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Exchange { name, kind, lifetime, .. } => {
                format!("{} {} exchange {name:?}", lifetime.as_str(), kind.as_str())
            }
            Self::Queue { name, kind: QueueKind::Exclusive } => format!("exclusive queue {name:?}"),
            Self::Queue { name, kind } => {
                let properties = kind.properties();
                format!("{} queue {name:?}{properties}", properties.lifetime.as_str())
            }
            Self::Binding { queue, exchange, key } => {
                format!("binding of queue {queue:?} to exchange {exchange:?} by {key:?}")
            }
        }
    }
}

/// The age in whole seconds, as the broker reads it.
pub(crate) fn max_age(retention: &Retention) -> Option<String> {
    retention.max_age().map(|age| format!("{}s", age.as_secs().max(1)))
}

impl ExchangeKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Fanout => "fanout",
            Self::Direct => "direct",
        }
    }
}
