//! What can be wrong with a URL.

use rpc_core::{Code, Error, Executed, Phase};

/// What is wrong with the URL of a broker.
///
/// Names the part, or the key of the query, and what is allowed there. The text of host, user, password and vhost is
/// never repeated: an unescaped character can move a piece of the password into any of them.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no `scheme://`, or an unknown one.
    #[error("the URL of a broker starts with amqp://, amqps:// or rabbit://")]
    Scheme,
    /// There is a `#`.
    #[error(
        "a fragment (#) has no meaning in the URL of a broker; write %23 for # in a user, password or vhost"
    )]
    Fragment,
    /// There is an `@` behind the hosts.
    #[error("an @ behind the hosts: write %40 for @, %2f for / and %3f for ? in a user, password or vhost")]
    MisplacedAt,
    /// A host is empty.
    #[error("host {position} is empty: write user:password@host:port, with commas between several")]
    EmptyHost {
        /// Which one, from 1.
        position: usize,
    },
    /// A host has a character that no name has.
    #[error("host {position} is neither a name, an IPv4 address nor an IPv6 address in brackets")]
    Host {
        /// Which one, from 1.
        position: usize,
    },
    /// A port is no number from 1 to 65535.
    #[error("the port of host {position} is not a number from 1 to 65535")]
    Port {
        /// Which one, from 1.
        position: usize,
    },
    /// There is an `@` without a user before it.
    #[error("the user of host {position} is empty")]
    EmptyUser {
        /// Which one, from 1.
        position: usize,
    },
    /// A percent sign without two hex digits, or bytes that are no UTF-8.
    #[error("the {part} is not percent-encoded UTF-8: write %25 for %")]
    Percent {
        /// `user`, `password` or `vhost`.
        part: &'static str,
    },
    /// There is a second slash in the path.
    #[error("the vhost has several segments: write %2f for a slash in its name")]
    VhostSegments,
    /// A vhost longer than 255 bytes.
    #[error("the vhost is longer than 255 bytes")]
    LongVhost,
    /// A key that is not known.
    #[error("unknown key {key:?}: the allowed ones are {}", super::query::keys())]
    UnknownKey {
        /// The key, or `…` when it is not made of letters and underscores.
        key: String,
    },
    /// A key that is there twice.
    #[error("the key {key} is there twice")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A value that its key does not take.
    #[error("the value of {key} is not {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it takes.
        allowed: &'static str,
    },
    /// A key that only the `oslo` wire has a meaning for.
    #[error("{key} is what Python peers were configured to do: write wire=oslo beside it, or leave it away")]
    NeedsOsloWire {
        /// The key.
        key: &'static str,
    },
    /// An option of Python's that has another place here, or none.
    #[error("{option} is an option of Python's that is not taken over: {instead}")]
    PythonOption {
        /// Its name there.
        option: &'static str,
        /// What is done here, and what to write.
        instead: &'static str,
    },
    /// Mirrored queues beside quorum queues.
    #[error(
        "ha_queues asks for mirrored queues, and queue_type=quorum or transient_quorum for quorum queues, which are never \
         mirrored: leave one of them away, as Python does"
    )]
    MirroredQuorum,
    /// `stream_fanout` without `transient_quorum`.
    #[error("stream_fanout needs transient_quorum, as in Python: write transient_quorum=true beside it")]
    StreamWithoutTransientQuorum,
    /// `stream_fanout` where no number of deliveries is to be set.
    #[error(
        "stream_fanout needs a prefetch, as in Python: set rabbit_qos_prefetch_count above 0, or leave it away"
    )]
    StreamWithoutPrefetch,
    /// The queue manager on a system that does not tell its name.
    #[error("use_queue_manager needs the name of this machine, which the system does not tell: set hostname")]
    NoHostname,
    /// `auth_mechanism=external` where nothing shows a certificate.
    #[error("auth_mechanism=external takes the user from our client certificate: write amqps://")]
    ExternalWithoutTls,
    /// `auth_mechanism=external` with a user.
    #[error(
        "auth_mechanism=external takes the user from our client certificate: leave the user and password away"
    )]
    ExternalWithLogin,
    /// `auth_mechanism=external` without a certificate.
    #[error(
        "auth_mechanism=external takes the user from our client certificate: give one to client_identity"
    )]
    ExternalWithoutCertificate,
    /// `amqps` in a build without TLS.
    #[error("amqps needs the feature tls of rpc-amqp, which this program was built without")]
    TlsNotBuilt,
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::new(Code::Unavailable, error.to_string())
            .with_executed(Executed::NotSent)
            .with_retryable(false)
            .with_phase(Phase::Connect)
            .with_source(error)
    }
}
