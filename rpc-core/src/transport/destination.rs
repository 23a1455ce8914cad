//! Where messages go, and where they are taken from.

use std::fmt;

use crate::history::History;
use crate::priority::Priority;
use crate::reply_address::ReplyAddress;
use crate::target::Target;

/// Where a message goes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to serve every kind")]
pub enum Destination {
    /// To a topic, to one server of it, or to all, as [`Target::route`] says.
    Request(Target),
    /// To the client that waits.
    Reply(ReplyAddress),
    /// To every pool that listens.
    Notification {
        /// The exchange.
        exchange: String,
        /// The topic, such as `notifications`.
        topic: String,
        /// The priority.
        priority: Priority,
    },
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(target) => target.fmt(formatter),
            Self::Reply(_) => formatter.write_str("the caller"),
            Self::Notification { topic, priority, .. } => {
                write!(formatter, "notifications {topic}.{priority}")
            }
        }
    }
}

/// Where messages are taken from.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to serve every kind")]
pub enum Source {
    /// Requests to a topic, shared with its other servers; to this server; or to all servers, as
    /// [`Target::route`] says. A fanout source carries the server's name too, for people who look at the
    /// broker.
    Requests(Target),
    /// Replies to this address. The queue behind it survives a reconnect.
    Replies(ReplyAddress),
    /// Notifications.
    Notifications(Subscription),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(target) => write!(formatter, "requests to {target}"),
            Self::Replies(_) => formatter.write_str("replies"),
            Self::Notifications(subscription) => {
                write!(formatter, "notifications {}", subscription.topics.join(", "))?;
                subscription.pool.as_ref().map_or(Ok(()), |pool| write!(formatter, " for pool {pool}"))
            }
        }
    }
}

/// Which notifications a listener takes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Subscription {
    /// The exchange.
    pub exchange: String,
    /// The topics.
    pub topics: Vec<String>,
    /// The priorities.
    pub priorities: Vec<Priority>,
    /// Listeners of one pool share the notifications, each pool gets all; `None` is the default pool.
    pub pool: Option<String>,
    /// Reads the history of the topics instead of taking events from a queue: every listener then reads all of them, of
    /// all priorities, and settling one only makes room for more. What is given back or counted ([`Settlement`]) comes
    /// again to the same consumer. `None` takes from queues.
    ///
    /// [`Settlement`]: super::Settlement
    pub history: Option<History>,
}

impl Subscription {
    /// All priorities of `topics` in [`Target::DEFAULT_EXCHANGE`], in the default pool.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        Self {
            exchange: Target::DEFAULT_EXCHANGE.to_owned(),
            topics,
            priorities: Priority::ALL.to_vec(),
            pool: None,
            history: None,
        }
    }
}
