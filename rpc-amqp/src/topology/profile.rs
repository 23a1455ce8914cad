//! Whose exchanges and queues are used: our own, or those of Python peers.

use rpc_core::transport::{Destination, Source};
use rpc_core::{Error, Priority, ReplyAddress, Route as TargetRoute, Target};

use super::declaration::Declaration;
use super::oslo::Oslo;
use super::plan::Plan;
use super::route::{self, Route};
use crate::queue_manager::{OwnName, QueueManager};
use crate::settings::{QueueType, RequestRouting, Settings, Wire};

/// Whose exchanges and queues are used.
#[derive(Clone, Debug)]
pub(crate) enum Profile {
    Native { queue_type: QueueType, reply_queue_type: QueueType, request_routing: RequestRouting },
    Oslo(Oslo),
}

impl Profile {
    /// With names from `queue_manager`, if there is one.
    pub(crate) fn of(settings: &Settings, queue_manager: Option<QueueManager>) -> Self {
        let Settings { queue_type, reply_queue_type, request_routing, .. } = *settings;
        match settings.wire {
            Wire::Native => Self::Native { queue_type, reply_queue_type, request_routing },
            Wire::Oslo => Self::Oslo(Oslo::new(&settings.oslo, queue_type, queue_manager)),
        }
    }

    /// What is in the names of queues of a consumer of `source`, and in no other, for as long as this is kept.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when the queue manager gives none.
    pub(crate) fn own_name(&self, source: &Source) -> Result<OwnName, Error> {
        match self {
            Self::Native { .. } => Ok(OwnName::random()),
            Self::Oslo(oslo) => oslo.own_name(source),
        }
    }

    /// The address for the replies to a client of the process `service`.
    pub(crate) fn reply_address(&self, service: &str) -> ReplyAddress {
        match self {
            Self::Native { .. } => ReplyAddress::random(service),
            Self::Oslo(oslo) => oslo.reply_address(),
        }
    }

    /// What a consumer of `source` declares and consumes; the name `own` is its own for as long as it lives.
    pub(crate) fn plan(&self, source: &Source, own: &OwnName) -> Result<Plan, Error> {
        match self {
            Self::Native { queue_type, reply_queue_type, .. } => {
                let is_for_replies = matches!(source, Source::Replies(_));
                Plan::of(source, if is_for_replies { *reply_queue_type } else { *queue_type })
            }
            Self::Oslo(oslo) => oslo.plan(source, own),
        }
    }

    /// The way to `destination`.
    pub(crate) fn route(&self, destination: &Destination) -> Result<Route, Error> {
        match self {
            Self::Native { request_routing, .. } => match (destination, request_routing) {
                (Destination::Request(target), RequestRouting::Queue) => Route::to_queue(target),
                _ => Route::to(destination),
            },
            Self::Oslo(oslo) => oslo.route(destination),
        }
    }

    /// Whether the exchange on the way to `destination` may be gone though it was there a moment ago.
    pub(crate) fn is_passing(&self, destination: &Destination) -> bool {
        let is_fanout =
            matches!(destination, Destination::Request(target) if target.route() == TargetRoute::Fanout);
        is_fanout && matches!(self, Self::Oslo(_))
    }

    /// What every notification needs besides its way: among Python peers the queue of those who are in no pool.
    pub(crate) fn default_queue(
        &self,
        (exchange, topic, priority): (&str, &str, Priority),
    ) -> Result<Vec<Declaration>, Error> {
        match self {
            Self::Native { .. } => Ok(Vec::new()),
            Self::Oslo(oslo) => oslo.default_queue(exchange, topic, priority),
        }
    }

    /// The way of a notification that came back over `route`, because nobody has subscribed to it.
    pub(crate) fn unclaimed(
        &self,
        (exchange, topic, priority): (&str, &str, Priority),
        route: &Route,
    ) -> Result<Route, Error> {
        match self {
            Self::Native { queue_type, .. } => route::unclaimed(exchange, topic, priority, *queue_type),
            Self::Oslo(_) => Ok(route.clone()),
        }
    }

    /// Whether a fanout waits for a server whose link is away, and may so be delivered to it again.
    pub(crate) const fn fanout_outlives_link(&self) -> bool {
        matches!(self, Self::Oslo(_))
    }

    /// The queue in which requests to `target` wait; `None` for a fanout, where every server has one.
    pub(crate) fn request_queue(&self, target: &Target) -> Result<Option<String>, Error> {
        match self {
            Self::Native { .. } => route::request_queue(target),
            Self::Oslo(oslo) => oslo.request_queue(target),
        }
    }

    /// How dead letters are kept; `None` when they are not, and rejected messages go where a policy of the broker says.
    pub(crate) const fn dead_letters(&self) -> Option<QueueType> {
        match self {
            Self::Native { queue_type, .. } => Some(*queue_type),
            Self::Oslo(_) => None,
        }
    }

    /// Whether the queues of requests count how often they give a message out.
    pub(crate) fn counts_deliveries(&self) -> bool {
        match self {
            Self::Native { queue_type, .. } => *queue_type == QueueType::Quorum,
            Self::Oslo(oslo) => oslo.is_quorum(),
        }
    }
}
