//! The exchanges and queues of Python's oslo.messaging.
//!
//! | use | exchange | queue |
//! |---|---|---|
//! | any server of a topic | `<exchange>`, topic, key `<topic>` | `<topic>` |
//! | one server | the same, key `<topic>.<server>` | `<topic>.<server>` |
//! | every server | `<topic>_fanout`, fanout, auto-delete, whatever the exchange | `<topic>_fanout_<32 hex digits>`, expires |
//! | replies | the default exchange | the reply address, expires |
//! | notifications | `<exchange>`, topic, key `<topic>.<priority>` | `<topic>.<priority>`, or the pool, bound by every key |
//!
//! Names are not escaped, so that they are the ones that peers use. What outlives what is configured, because every peer
//! has to say the same. There are no dead letters: what is rejected goes where a policy of the broker says.

mod name;
mod plan;
mod route;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::Target;

use super::declaration::{Declaration, ExchangeKind, Lifetime, QueueKind};
use crate::settings::{OsloOptions, QueueType};

/// The exchanges and queues of Python's oslo.messaging. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Oslo {
    control_exchange: Arc<str>,
    /// Of the exchanges and queues of requests and notifications.
    shared: Lifetime,
    /// Whether those queues are replicated.
    is_quorum: bool,
    /// Whether those of replies and fanouts are.
    is_transient_quorum: bool,
    expires_ms: Option<i32>,
}

impl Oslo {
    pub(super) fn new(options: &OsloOptions, queue_type: QueueType) -> Self {
        let OsloOptions { control_exchange, durable, auto_delete, transient_quorum, transient_queues_ttl } =
            options;
        let is_quorum = queue_type == QueueType::Quorum;
        Self {
            control_exchange: control_exchange.as_str().into(),
            // A quorum queue is always durable, and Python makes its exchange so, too.
            shared: Lifetime { durable: *durable || is_quorum, auto_delete: *auto_delete },
            is_quorum,
            is_transient_quorum: *transient_quorum,
            expires_ms: milliseconds(*transient_queues_ttl),
        }
    }

    pub(super) const fn is_quorum(&self) -> bool {
        self.is_quorum
    }

    /// Where a target or a notification that names no exchange goes.
    fn exchange<'a>(&'a self, named: &'a str) -> &'a str {
        if named == Target::DEFAULT_EXCHANGE { &self.control_exchange } else { named }
    }

    fn topic_exchange(&self, name: String) -> Declaration {
        Declaration::Exchange { name, kind: ExchangeKind::Topic, lifetime: self.shared }
    }

    /// It goes with its last queue, durable or not.
    fn fanout_exchange(&self, name: String) -> Declaration {
        let lifetime = Lifetime { durable: self.is_transient_quorum, auto_delete: true };
        Declaration::Exchange { name, kind: ExchangeKind::Fanout, lifetime }
    }

    fn shared_queue(&self, name: String) -> Declaration {
        let (lifetime, is_quorum) = (self.shared, self.is_quorum);
        let kind = QueueKind::Joined { lifetime, is_quorum, expires_ms: None, is_own: false };
        Declaration::Queue { name, kind }
    }

    /// Of replies, and of a server's fanouts.
    fn transient_queue(&self, name: String) -> Declaration {
        let is_quorum = self.is_transient_quorum;
        let lifetime = Lifetime { durable: is_quorum, auto_delete: false };
        let expires_ms = self.expires_ms;
        let kind = QueueKind::Joined { lifetime, is_quorum, expires_ms, is_own: true };
        Declaration::Queue { name, kind }
    }
}

/// Python counts in whole seconds, and takes zero for never.
fn milliseconds(time: Duration) -> Option<i32> {
    let seconds = i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    (seconds > 0).then(|| seconds.saturating_mul(1_000))
}
