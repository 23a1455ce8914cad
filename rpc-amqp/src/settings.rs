//! What a transport was configured to do.

use std::time::Duration;

use rpc_core::transport::Capabilities;

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

/// What a transport was configured to do, besides where its broker is.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) heartbeat: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) queue_type: QueueType,
    pub(crate) most_prefetch: u16,
    pub(crate) max_message_size: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsSettings,
}

impl Settings {
    pub(crate) const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
    pub(crate) const DEFAULT_CONNECTION_TIMEOUT: Duration = Duration::from_millis(2_800);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "rpc".to_owned(),
            heartbeat: Self::DEFAULT_HEARTBEAT,
            connection_timeout: Self::DEFAULT_CONNECTION_TIMEOUT,
            queue_type: QueueType::default(),
            most_prefetch: u16::MAX,
            max_message_size: Capabilities::DEFAULT_MAX_MESSAGE_SIZE,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsSettings::default(),
        }
    }
}
