//! What has to exist on the broker, as data.

use rpc_core::Retention;

use crate::settings::QueueType;

/// Something that has to exist on the broker. Applied in order, and applying it twice changes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Declaration {
    /// An exchange.
    Exchange { name: String, kind: ExchangeKind, lifetime: Lifetime },
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
    /// As peers of another framework declare it. With `expires_ms` it goes when nobody used it for so long. One that is `own`
    /// is of one process.
    Joined { lifetime: Lifetime, is_quorum: bool, expires_ms: Option<i32>, is_own: bool },
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
        Self::Exchange { name, kind, lifetime: Lifetime::FOR_EVER }
    }

    /// One word that names it in a list of what exists.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Exchange { name, .. } | Self::Queue { name, .. } => name,
            Self::Binding { queue, .. } => queue,
        }
    }

    /// Whether it belongs to more than one process; a binding does as its queue, which is `among` what is declared with
    /// it.
    pub(crate) fn is_shared(&self, among: &[Self]) -> bool {
        match self {
            // One that goes with its last user has to be made by the next, whoever that is.
            Self::Exchange { lifetime, .. } => !lifetime.auto_delete,
            // What expires or is exclusive is one server's or one client's.
            Self::Queue { kind, .. } => {
                matches!(
                    kind,
                    QueueKind::Durable { expires_ms: None, .. }
                        | QueueKind::Joined { is_own: false, .. }
                        | QueueKind::Stream(_)
                )
            }
            Self::Binding { queue, .. } => among.iter().any(|other| {
                matches!(other, Self::Queue { name, .. } if name == queue) && other.is_shared(&[])
            }),
        }
    }

    /// What it wants, for people.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Exchange { name, kind, lifetime } => {
                format!("{} {} exchange {name:?}", lifetime.as_str(), kind.as_str())
            }
            Self::Queue { name, kind: QueueKind::Stream(retention) } => {
                let mut wanted = format!("durable queue {name:?} with x-queue-type=stream");
                if let Some(age) = max_age(retention) {
                    wanted.push_str(&format!(", x-max-age={age}"));
                }
                if let Some(bytes) = retention.max_bytes() {
                    wanted.push_str(&format!(", x-max-length-bytes={bytes}"));
                }
                wanted
            }
            Self::Queue { name, kind: QueueKind::Exclusive } => format!("exclusive queue {name:?}"),
            Self::Queue { name, kind: QueueKind::Durable { queue_type, expires_ms } } => {
                let expires = expires_ms.map_or_else(String::new, |time| format!(", x-expires={time}"));
                format!("durable queue {name:?} with x-queue-type={}{expires}", queue_type.as_str())
            }
            Self::Queue { name, kind: QueueKind::Joined { lifetime, is_quorum, expires_ms, .. } } => {
                let mut wanted = format!("{} queue {name:?}", lifetime.as_str());
                if *is_quorum {
                    wanted.push_str(", x-queue-type=quorum");
                }
                if let Some(time) = expires_ms {
                    wanted.push_str(&format!(", x-expires={time}"));
                }
                wanted
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
