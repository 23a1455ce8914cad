//! What a transport was configured to do.

mod oslo;

use std::path::PathBuf;
use std::time::Duration;

use rpc_core::transport::Capabilities;

pub(crate) use self::oslo::{NAME, is_name};
pub use self::oslo::{OsloCompression, OsloOptions};
use crate::wire::Exceptions;

/// How durable queues are kept by the broker.
///
/// Every process that declares a queue has to agree on it: a queue cannot change its type.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum QueueType {
    /// On one node. The default, because it is right on a single broker and needs no majority.
    #[default]
    Classic,
    /// Replicated over the cluster's nodes by majority. Right for casts and notifications in a cluster; costs about
    /// one disk sync per message.
    Quorum,
}

impl QueueType {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 2] = [Self::Classic, Self::Quorum];

    /// The word in URLs and in the argument `x-queue-type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

/// Who makes the exchanges and queues that processes share.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Topology {
    /// Whoever needs one first. The default: nothing has to be prepared.
    #[default]
    Declare,
    /// Somebody else, beforehand. What is shared is looked for and compared, and never made: a process that finds
    /// nothing, or something else under the name, is refused and says so. So a queue that a stranger has put there is
    /// noticed before it is used. What belongs to one process is made by it all the same: its reply queue, the queue of a
    /// server by name, and the one for its fanouts.
    ///
    /// AMQP has no way to look at the bindings of a queue. A missing one shows at the callers, as `unroutable`.
    Verify,
}

impl Topology {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 2] = [Self::Declare, Self::Verify];

    /// The word in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declare => "declare",
            Self::Verify => "verify",
        }
    }
}

/// The way of a request to the queue of a topic or of one server, on the native wire.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RequestRouting {
    /// Straight to the queue, through the default exchange: the broker spends some 12 µs less on each call than with a
    /// topic exchange. The default. The user needs the permission to write to `amq.default`, as servers do for replies.
    #[default]
    Queue,
    /// Through the topic exchange, where operators may bind queues of their own, and restrict who writes.
    Exchange,
}

impl RequestRouting {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 2] = [Self::Queue, Self::Exchange];

    /// The word in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Exchange => "exchange",
        }
    }
}

/// How messages are laid out, and which exchanges and queues they take.
///
/// It decides what a transport sends and where it listens. What arrives is told apart message by message, and a server
/// answers as it was asked.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// Our own, for any AMQP client. The default.
    #[default]
    Native,
    /// That of Python's oslo.messaging, among whose servers and clients a process then is one more. JSON only.
    Oslo,
}

impl Wire {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 2] = [Self::Native, Self::Oslo];

    /// The word in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Oslo => "oslo",
        }
    }
}

/// What a transport was configured to do, besides where its broker is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    /// Where the password is, if not in the URL.
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) heartbeat: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) blocked_timeout: Duration,
    pub(crate) queue_type: QueueType,
    pub(crate) reply_queue_type: QueueType,
    pub(crate) request_routing: RequestRouting,
    pub(crate) topology: Topology,
    pub(crate) wire: Wire,
    pub(crate) oslo: OsloOptions,
    pub(crate) exceptions: Exceptions,
    pub(crate) most_prefetch: u16,
    pub(crate) max_message_size: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsSettings,
    /// Dials a simulated broker instead.
    #[cfg(test)]
    pub(crate) simulated: Option<crate::simulation::library::Host>,
}

impl Settings {
    pub(crate) const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
    pub(crate) const DEFAULT_CONNECTION_TIMEOUT: Duration = Duration::from_millis(2_800);
    /// The largest body that every broker takes: RabbitMQ 4 refuses more than 16 MiB unless configured otherwise, and
    /// ends the channel over it.
    pub(crate) const LARGEST_MESSAGE: usize = 16 * 1_024 * 1_024;
    pub(crate) const DEFAULT_BLOCKED_TIMEOUT: Duration = Duration::from_secs(30);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "rpc".to_owned(),
            password_file: None,
            heartbeat: Self::DEFAULT_HEARTBEAT,
            connection_timeout: Self::DEFAULT_CONNECTION_TIMEOUT,
            blocked_timeout: Self::DEFAULT_BLOCKED_TIMEOUT,
            queue_type: QueueType::default(),
            reply_queue_type: QueueType::default(),
            request_routing: RequestRouting::default(),
            topology: Topology::default(),
            wire: Wire::default(),
            oslo: OsloOptions::default(),
            exceptions: Exceptions::default(),
            most_prefetch: u16::MAX,
            max_message_size: Capabilities::DEFAULT_MAX_MESSAGE_SIZE,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsSettings::default(),
            #[cfg(test)]
            simulated: None,
        }
    }
}
