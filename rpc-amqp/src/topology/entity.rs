//! What has to exist on the broker, for tools.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::declaration::{Declaration, QueueKind};
use super::properties::Properties;

/// How many hex digits a random part of a name has.
const RANDOM_DIGITS: usize = 32;

/// An exchange, a queue or a binding that a program declares.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its name; of a binding that of the queue. A part that is new for every process is `*`.
    pub name: String,
    /// What the broker compares when it exists, as text: `type` of an exchange, `durable`, `auto_delete` and `exclusive` as
    /// `true` or `false`, arguments by their names, such as `x-queue-type`. Of a binding `exchange` and `key`.
    pub properties: BTreeMap<String, String>,
    /// Whether it is made by one process for itself, and goes when nobody needs it.
    pub is_own: bool,
    /// Whether it is made when it is first needed, as that is which keeps dead letters, and not at the start.
    pub is_later: bool,
}

/// What an [`Entity`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EntityKind {
    /// An exchange.
    Exchange,
    /// A queue.
    Queue,
    /// A way from an exchange to a queue.
    Binding,
}

impl EntityKind {
    /// `exchange`, `queue` or `binding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
            Self::Binding => "binding",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Entity {
    /// `declaration` for tools; `is_own` when its queue is that of one process, and `is_later` when it is made at its first use.
    pub(crate) fn new(declaration: &Declaration, is_own: bool, is_later: bool) -> Self {
        let (kind, name) = match declaration {
            Declaration::Exchange { name, .. } => (EntityKind::Exchange, name),
            Declaration::Queue { name, .. } => (EntityKind::Queue, name),
            Declaration::Binding { queue, .. } => (EntityKind::Binding, queue),
        };
        let name = if is_own { without_random(name) } else { name.clone() };
        Self { kind, name, properties: properties(declaration), is_own, is_later }
    }
}

fn properties(declaration: &Declaration) -> BTreeMap<String, String> {
    match declaration {
        Declaration::Binding { exchange, key, .. } => [("exchange", exchange), ("key", key)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into_iter()
            .collect(),
        Declaration::Exchange { .. } | Declaration::Queue { .. } => {
            declaration.properties().map(|own| shown(declaration, &own)).unwrap_or_default()
        }
    }
}

/// What `declaration` is, or would be, with these properties.
pub(crate) fn shown(declaration: &Declaration, properties: &Properties) -> BTreeMap<String, String> {
    let Properties { lifetime, is_exclusive, arguments } = properties;
    let mut shown: BTreeMap<_, _> =
        arguments.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let mut flag = |name: &str, is_on: bool| shown.insert(name.to_owned(), is_on.to_string());
    flag("durable", lifetime.durable);
    flag("auto_delete", lifetime.auto_delete);
    match declaration {
        Declaration::Exchange { kind, .. } => {
            shown.insert("type".to_owned(), kind.as_str().to_owned());
        }
        Declaration::Queue { .. } | Declaration::Binding { .. } => {
            flag("exclusive", *is_exclusive);
        }
    }
    shown
}

/// Whether it is a queue of one process, under a name that no other has.
pub(crate) const fn is_own(declaration: &Declaration) -> bool {
    let Declaration::Queue { kind, .. } = declaration else { return false };
    match kind {
        QueueKind::Exclusive => true,
        QueueKind::Joined(joined) => joined.is_own,
        QueueKind::Durable { .. } | QueueKind::Stream(_) => false,
    }
}

fn without_random(name: &str) -> String {
    let digits = name.bytes().rev().take_while(u8::is_ascii_hexdigit).count();
    // Hex digits are single bytes, so the name is cut between characters.
    if digits >= RANDOM_DIGITS {
        format!("{}*", &name[..name.len() - RANDOM_DIGITS])
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_part_is_not_shown() {
        let random = "0123456789abcdef".repeat(2);
        assert_eq!(without_random(&format!("fan.t.s.{random}")), "fan.t.s.*");
        assert_eq!(without_random(&format!("t_fanout_{random}")), "t_fanout_*");
        for name in ["rpc.default.t", "", "fan.t.é", "face"] {
            assert_eq!(without_random(name), name);
        }
    }
}
