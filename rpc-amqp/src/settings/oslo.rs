//! What Python peers were configured to do.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::QueueType;
use crate::url::UrlError;

/// What the Python peers on the `oslo` wire were configured to declare. Every process that declares a queue has to agree on
/// its arguments, so these have to be theirs; what is left alone is what they do when they are told nothing.
///
/// [`QueueType::Quorum`] stands for `rabbit_quorum_queue`.
///
/// ```
/// use rpc_amqp::{AmqpTransport, OsloOptions, QueueType, Wire};
///
/// let mut options = OsloOptions::default();
/// options.control_exchange = "nova".to_owned();
/// options.transient_quorum = true;
/// options.stream_fanout = true;
/// let builder = AmqpTransport::builder("amqp://rabbit-1,rabbit-2")
///     .wire(Wire::Oslo)
///     .queue_type(QueueType::Quorum)
///     .oslo(options);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OsloOptions {
    /// Their `control_exchange`: where [`Target::DEFAULT_EXCHANGE`](rpc_core::Target::DEFAULT_EXCHANGE) leads. Default:
    /// `openstack`.
    pub control_exchange: String,
    /// Their `amqp_durable_queues`: exchanges and queues of requests and notifications are durable. Default: off.
    pub durable: bool,
    /// Their `amqp_auto_delete`: the same go with their last user. Default: off.
    pub auto_delete: bool,
    /// Their `rabbit_transient_quorum_queue`: queues of replies and fanouts are durable quorum queues. Default: off.
    pub transient_quorum: bool,
    /// Their `rabbit_transient_queues_ttl`: after how long without a consumer queues of replies and fanouts go, in whole
    /// seconds up to [`LONGEST_TTL`](Self::LONGEST_TTL); zero keeps them. With [`stream_fanout`](Self::stream_fanout) also
    /// how long a fanout is kept. Default: 30 minutes.
    pub transient_queues_ttl: Duration,
    /// Their `rabbit_stream_fanout`: all servers of a topic read fanouts from one stream. Needs
    /// [`transient_quorum`](Self::transient_quorum), as it does there. A server begins with what is sent after its start,
    /// and after a lost link goes on where it was. Default: off.
    pub stream_fanout: bool,
    /// Their `rabbit_quorum_delivery_limit`: how often a quorum queue delivers a message again before it drops it. Zero sets
    /// none, and RabbitMQ 4 then takes 20. Default: zero.
    pub quorum_delivery_limit: u32,
    /// Their `rabbit_quorum_max_memory_length`: how many messages a quorum queue of an old broker keeps in memory. Zero sets
    /// no limit. Default: zero.
    pub quorum_max_memory_length: u32,
    /// Their `rabbit_quorum_max_memory_bytes`: how many bytes of messages it keeps there, less than 2^63. Zero sets no limit.
    /// Default: zero.
    pub quorum_max_memory_bytes: u64,
    /// Their `rabbit_ha_queues`: queues carry an argument that asked brokers before RabbitMQ 3.0 to mirror them, and that
    /// means nothing since. Not together with quorum queues. Default: off.
    pub ha_queues: bool,
    /// Their `enable_cancel_on_failover`: the broker tells consumers of a mirrored queue that it has moved to another node.
    /// Quorum queues and streams move by themselves, and brokers refuse consumers who ask for it there: it is left out for
    /// them, where a Python peer with it is refused. RabbitMQ 4 has no mirrored queues. Default: off.
    pub cancel_on_failover: bool,
    /// Their `use_queue_manager`: queues of replies and fanouts have names that are the same after a restart,
    /// `reply_<hostname>:<processname>:<number>`. Default: off.
    ///
    /// The number is the lowest that no other process of this machine has for such a queue; a lock that the system frees
    /// when the process ends keeps it. Machines, containers and Python services are told apart by the two names, which
    /// therefore have to differ between them. A queue that has a consumer already is refused at the start, after 5 s in
    /// which that may leave.
    pub use_queue_manager: bool,
    /// Their `hostname`, the first part of those names. Default: the name of this machine.
    pub hostname: Option<String>,
    /// Their `processname`, the second part. No Python process of this machine may have it, since Python numbers its queues
    /// by a count of its own. Default: the name of the program.
    pub processname: Option<String>,
    /// Their `kombu_compression`: bodies that are sent are compressed. Those that arrive are read either way. Default: none.
    pub compression: OsloCompression,
}

/// How bodies on the `oslo` wire are compressed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OsloCompression {
    /// Not at all. The default, as there.
    #[default]
    None,
    /// What kombu calls gzip, which is a stream of zlib (RFC 1950). Every Python peer reads it.
    Gzip,
}

impl OsloCompression {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 2] = [Self::None, Self::Gzip];

    /// The word in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        }
    }
}

impl OsloOptions {
    /// The longest [`transient_queues_ttl`](Self::transient_queues_ttl), about 23 days.
    pub const LONGEST_TTL: Duration = Duration::from_secs(2_000_000);
    /// The longest [`hostname`](Self::hostname) and [`processname`](Self::processname), in bytes.
    pub const LONGEST_NAME: usize = 64;

    /// Whether they go together, and with queues of `queue_type`.
    pub(crate) fn check(&self, queue_type: QueueType) -> Result<(), UrlError> {
        if self.transient_queues_ttl > Self::LONGEST_TTL {
            return Err(UrlError::Value { key: "transient_queues_ttl", allowed: "0 to 2000000 seconds" });
        }
        if i64::try_from(self.quorum_max_memory_bytes).is_err() {
            return Err(UrlError::Value { key: "quorum_max_memory_bytes", allowed: "less than 2^63" });
        }
        if self.ha_queues && (queue_type == QueueType::Quorum || self.transient_quorum) {
            return Err(UrlError::MirroredQuorum);
        }
        if self.stream_fanout && !self.transient_quorum {
            return Err(UrlError::StreamWithoutTransientQuorum);
        }
        let names = [("hostname", &self.hostname), ("processname", &self.processname)];
        match names.into_iter().find(|(_, name)| name.as_deref().is_some_and(|name| !is_name(name))) {
            Some((key, _)) => Err(UrlError::Value { key, allowed: NAME }),
            None => Ok(()),
        }
    }

    /// With the names that queues of the queue manager have, if there is one.
    pub(crate) fn named(mut self) -> Result<Self, UrlError> {
        if self.use_queue_manager && self.hostname.is_none() {
            let hostname = std::fs::read_to_string(HOSTNAME).map(|name| name.trim().to_owned());
            self.hostname = hostname.ok().filter(|name| is_name(name));
            if self.hostname.is_none() {
                return Err(UrlError::NoHostname);
            }
        }
        if self.use_queue_manager && self.processname.is_none() {
            let program = std::env::args_os().next().unwrap_or_default();
            let program = Path::new(&program).file_name().and_then(OsStr::to_str);
            self.processname = program.filter(|name| is_name(name)).map(str::to_owned);
            if self.processname.is_none() {
                return Err(UrlError::Value { key: "processname", allowed: NAME });
            }
        }
        Ok(self)
    }
}

/// Where Linux tells the name of the machine.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

pub(crate) const NAME: &str = "1 to 64 visible ASCII characters without a colon";

/// Whether a queue that is called so is recognised as one for replies, here and by those who answer.
pub(crate) fn is_name(text: &str) -> bool {
    let is_in_bounds = (1..=OsloOptions::LONGEST_NAME).contains(&text.len());
    is_in_bounds && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

impl Default for OsloOptions {
    fn default() -> Self {
        Self {
            control_exchange: "openstack".to_owned(),
            durable: false,
            auto_delete: false,
            transient_quorum: false,
            transient_queues_ttl: Duration::from_secs(1_800),
            stream_fanout: false,
            quorum_delivery_limit: 0,
            quorum_max_memory_length: 0,
            quorum_max_memory_bytes: 0,
            ha_queues: false,
            cancel_on_failover: false,
            use_queue_manager: false,
            hostname: None,
            processname: None,
            compression: OsloCompression::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut OsloOptions), queue_type: QueueType) -> Result<(), UrlError> {
        let mut options = OsloOptions::default();
        change(&mut options);
        options.check(queue_type)
    }

    #[test]
    fn dv_21_22_what_python_refuses_is_refused() {
        let mirrored = |options: &mut OsloOptions| options.ha_queues = true;
        assert_eq!(check(mirrored, QueueType::Classic), Ok(()));
        assert_eq!(check(mirrored, QueueType::Quorum), Err(UrlError::MirroredQuorum));
        let both = |options: &mut OsloOptions| (options.ha_queues, options.transient_quorum) = (true, true);
        assert_eq!(check(both, QueueType::Classic), Err(UrlError::MirroredQuorum));
        let stream = |options: &mut OsloOptions| options.stream_fanout = true;
        assert_eq!(check(stream, QueueType::Quorum), Err(UrlError::StreamWithoutTransientQuorum));
        let both =
            |options: &mut OsloOptions| (options.stream_fanout, options.transient_quorum) = (true, true);
        assert_eq!(check(both, QueueType::Classic), Ok(()));
    }

    #[test]
    fn dv_23_a_name_that_would_not_be_recognised_is_refused() {
        for (name, is_allowed) in
            [("node-1.example", true), ("", false), ("a:b", false), ("a b", false), ("é", false)]
        {
            let host = check(|it| it.hostname = Some(name.to_owned()), QueueType::Classic);
            let process = check(|it| it.processname = Some(name.to_owned()), QueueType::Classic);
            assert_eq!((host.is_ok(), process.is_ok()), (is_allowed, is_allowed), "{name}");
        }
        assert!(!is_name(&"x".repeat(65)) && is_name(&"x".repeat(64)));
    }
}
