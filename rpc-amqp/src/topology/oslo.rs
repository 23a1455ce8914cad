//! The exchanges and queues of Python's oslo.messaging.
//!
//! | use | exchange | queue |
//! |---|---|---|
//! | any server of a topic | `<exchange>`, topic, key `<topic>` | `<topic>` |
//! | one server | the same, key `<topic>.<server>` | `<topic>.<server>` |
//! | every server | `<topic>_fanout`, fanout, auto-delete, whatever the exchange | `<topic>_fanout_<own>`, expires |
//! | the same, as a stream | the same | `<topic>_fanout`, of all servers |
//! | replies | the default exchange | the reply address, expires |
//! | notifications | `<exchange>`, topic, key `<topic>.<priority>` | `<topic>.<priority>`, or the pool, bound by every key |
//!
//! What is a queue's own is 32 hex digits, or `<host>:<process>:<number>` by the queue manager.
//!
//! Names are not escaped, so that they are the ones that peers use. What outlives what is configured, because every peer
//! has to say the same. There are no dead letters: what is rejected goes where a policy of the broker says.

mod advice;
mod difference;
mod name;
mod plan;
mod route;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::transport::Source;
use rpc_core::{Error, ReplyAddress, Route as TargetRoute, Target};

pub(crate) use self::advice::advice;
pub(crate) use self::difference::Difference;
use super::declaration::{Declaration, ExchangeKind, Joined, Lifetime, QueueKind, QuorumLimits, Storage};
use crate::queue_manager::{OwnName, QueueManager};
use crate::settings::{OsloOptions, QueueType};
use crate::wire::random_oslo_address;

/// The exchanges and queues of Python's oslo.messaging. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Oslo {
    control_exchange: Arc<str>,
    /// Of the exchanges and queues of requests and notifications.
    shared: Lifetime,
    /// How those queues are kept.
    storage: Storage,
    /// How those of replies and fanouts are.
    transient_storage: Storage,
    /// Whether fanouts of a topic are in one stream.
    is_stream_fanout: bool,
    /// After how many seconds what is of one process goes.
    ttl: Option<i32>,
    cancels_on_failover: bool,
    /// Gives queues of one process their names, unless those are random.
    queue_manager: Option<QueueManager>,
}

impl Oslo {
    /// With names from `queue_manager`, if there is one.
    pub(super) fn new(
        options: &OsloOptions,
        queue_type: QueueType,
        queue_manager: Option<QueueManager>,
    ) -> Self {
        let is_quorum = queue_type == QueueType::Quorum;
        let limits = QuorumLimits {
            deliveries: options.quorum_delivery_limit,
            length_in_memory: options.quorum_max_memory_length,
            bytes_in_memory: i64::try_from(options.quorum_max_memory_bytes).unwrap_or(i64::MAX),
        };
        let storage = |is_quorum| match (is_quorum, options.ha_queues) {
            (true, _) => Storage::Quorum(limits),
            (false, true) => Storage::Mirrored,
            (false, false) => Storage::Plain,
        };
        Self {
            control_exchange: options.control_exchange.as_str().into(),
            // A quorum queue is always durable, and Python makes its exchange so, too.
            shared: Lifetime { durable: options.durable || is_quorum, auto_delete: options.auto_delete },
            storage: storage(is_quorum),
            transient_storage: storage(options.transient_quorum),
            is_stream_fanout: options.stream_fanout,
            ttl: seconds(options.transient_queues_ttl),
            cancels_on_failover: options.cancel_on_failover,
            queue_manager,
        }
    }

    /// What is in the names of queues of a consumer of `source`, and in no other.
    pub(super) fn own_name(&self, source: &Source) -> Result<OwnName, Error> {
        match (&self.queue_manager, source) {
            (Some(manager), Source::Requests(target))
                if target.route() == TargetRoute::Fanout && !self.is_stream_fanout =>
            {
                let base = format!("{}_", name::fanout(target.topic_name())?);
                manager.claim(&base).map(OwnName::Claimed)
            }
            _ => Ok(OwnName::random()),
        }
    }

    /// The address for the replies to a client.
    pub(super) fn reply_address(&self) -> ReplyAddress {
        match &self.queue_manager {
            Some(manager) => manager.reply_address(),
            None => random_oslo_address(),
        }
    }

    pub(super) const fn is_quorum(&self) -> bool {
        matches!(self.storage, Storage::Quorum(_))
    }

    /// Where a target or a notification that names no exchange goes.
    fn exchange<'a>(&'a self, named: &'a str) -> &'a str {
        if named == Target::DEFAULT_EXCHANGE { &self.control_exchange } else { named }
    }

    fn topic_exchange(&self, name: String) -> Declaration {
        Declaration::Exchange { name, kind: ExchangeKind::Topic, lifetime: self.shared, is_joined: true }
    }

    /// It goes with its last queue, durable or not.
    fn fanout_exchange(&self, name: String) -> Declaration {
        let durable = matches!(self.transient_storage, Storage::Quorum(_));
        let lifetime = Lifetime { durable, auto_delete: true };
        Declaration::Exchange { name, kind: ExchangeKind::Fanout, lifetime, is_joined: true }
    }

    fn shared_queue(&self, name: String) -> Declaration {
        let (lifetime, storage) = (self.shared, self.storage);
        joined(name, Joined { lifetime, storage, ttl: None, is_own: false })
    }

    /// Of replies, and of a server's fanouts.
    fn transient_queue(&self, name: String) -> Declaration {
        let storage = self.transient_storage;
        let lifetime = Lifetime { durable: matches!(storage, Storage::Quorum(_)), auto_delete: false };
        joined(name, Joined { lifetime, storage, ttl: self.ttl, is_own: true })
    }

    /// Of the fanouts of all servers of a topic.
    fn fanout_stream(&self, name: String) -> Declaration {
        let (lifetime, storage) = (Lifetime::FOR_EVER, Storage::Stream);
        joined(name, Joined { lifetime, storage, ttl: self.ttl, is_own: false })
    }
}

const fn joined(name: String, joined: Joined) -> Declaration {
    Declaration::Queue { name, kind: QueueKind::Joined(joined) }
}

/// Python counts in whole seconds, and takes zero for never.
fn seconds(time: Duration) -> Option<i32> {
    i32::try_from(time.as_secs()).ok().filter(|seconds| *seconds > 0)
}
