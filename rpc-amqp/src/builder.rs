//! Describing a transport.

use std::fmt;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use rpc_core::Error;
use rpc_core::transport::Capabilities;

use crate::secret::Secret;
use crate::settings::{OsloOptions, QueueType, Settings, Topology, Wire};
use crate::transport::AmqpTransport;
use crate::url::{AuthMechanism, BrokerUrl, Scheme, UrlError};
use crate::wire::{Exceptions, PythonExceptions};

/// Describes a transport; made by [`AmqpTransport::builder`]. What is set here wins over the URL.
pub struct AmqpTransportBuilder {
    url: Secret,
    service_name: Option<String>,
    password_file: Option<PathBuf>,
    heartbeat: Option<Duration>,
    connection_timeout: Option<Duration>,
    blocked_timeout: Option<Duration>,
    queue_type: Option<QueueType>,
    reply_queue_type: Option<QueueType>,
    topology: Option<Topology>,
    wire: Option<Wire>,
    oslo: Option<OsloOptions>,
    exceptions: Exceptions,
    max_message_size: usize,
    #[cfg(feature = "tls")]
    tls: crate::tls::TlsSettings,
}

impl AmqpTransportBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url: Secret::new(url),
            service_name: None,
            password_file: None,
            heartbeat: None,
            connection_timeout: None,
            blocked_timeout: None,
            queue_type: None,
            reply_queue_type: None,
            topology: None,
            wire: None,
            oslo: None,
            exceptions: Exceptions::default(),
            max_message_size: Capabilities::DEFAULT_MAX_MESSAGE_SIZE,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsSettings::default(),
        }
    }

    /// The name under which the broker lists the connections; a suffix says which of the two each is. Default: `rpc`,
    /// since nothing better is known.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// A file with the password of every node, in the place of those in the URL; white space at its end does not count.
    /// It is read before each login, so a password can be changed under a process that runs: first at the broker, then in
    /// the file. Default: none, because the URL has the password.
    #[must_use]
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.password_file = Some(path.into());
        self
    }

    /// How often both sides show that they live, in whole seconds from 1 s to 1 h; the broker may ask for less. A dead
    /// peer is noticed after 2 to 2.5 of these. Default: 10 s, so that a dead peer is noticed within 25 s without
    /// taking a pause of a few seconds for death.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval);
        self
    }

    /// How long one round over all hosts may take, from the first TCP packet to the end of the login. A single address
    /// gets 1 s to accept the connection. Default: 2.8 s, so that a program that cannot reach its broker says so within
    /// 3 s.
    #[must_use]
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = Some(timeout);
        self
    }

    /// How long a message waits for a broker that accepts none, because it is low on memory or disk; then it fails as
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable), not sent, unless its deadline comes first. At most 1 h.
    /// Default: 30 s, so that callers with a longer deadline learn why it takes so long.
    #[must_use]
    pub fn blocked_timeout(mut self, timeout: Duration) -> Self {
        self.blocked_timeout = Some(timeout);
        self
    }

    /// How durable queues are kept that processes share. Default: [`QueueType::Classic`], which is right on a single
    /// broker.
    #[must_use]
    pub fn queue_type(mut self, queue_type: QueueType) -> Self {
        self.queue_type = Some(queue_type);
        self
    }

    /// How the queue for replies is kept, of which each client process has one. Default: [`QueueType::Classic`], on one
    /// node: when that node dies, calls that wait for a reply end at once as
    /// [`Code::ReplyLost`](rpc_core::Code::ReplyLost). With [`QueueType::Quorum`] they get their replies, and each reply
    /// costs what a message costs that most nodes write to disk.
    #[must_use]
    pub fn reply_queue_type(mut self, queue_type: QueueType) -> Self {
        self.reply_queue_type = Some(queue_type);
        self
    }

    /// Who makes the exchanges and queues that processes share. Default: [`Topology::Declare`], so that nothing has to
    /// be prepared; [`Topology::Verify`] is for brokers where somebody else might.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = Some(topology);
        self
    }

    /// How messages are laid out, and which exchanges and queues they take. Default: [`Wire::Native`], which needs no peers
    /// of another framework.
    #[must_use]
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// What the Python peers on the `oslo` wire were configured to declare, all of it. Default: what they do when they are
    /// told nothing, [`OsloOptions::default`], and what the URL says.
    #[must_use]
    pub fn oslo(mut self, options: OsloOptions) -> Self {
        self.oslo = Some(options);
        self
    }

    /// Which errors of services are which exceptions of Python peers. Default: none, so that every error of a service is a
    /// `RemoteError` there, and every exception a [`Code::RemoteError`](rpc_core::Code::RemoteError) here.
    #[must_use]
    pub fn python_exceptions(mut self, exceptions: impl PythonExceptions) -> Self {
        self.exceptions = Exceptions::new(exceptions);
        self
    }

    /// The largest body, in bytes, that is sent or accepted, at most 16 MiB (the limit of RabbitMQ 4). Default:
    /// [`Capabilities::DEFAULT_MAX_MESSAGE_SIZE`] (4 MiB), which is below the limit of every broker.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Certificates in PEM form that are trusted besides the system's. Default: none, because a broker with a public
    /// certificate needs none. There is no way to switch verification off.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certificates(mut self, pem: impl Into<String>) -> Self {
        self.tls.trusted = Some(pem.into());
        self
    }

    /// The certificate chain and the key in PEM form with which we show who we are. Default: none, because most brokers
    /// ask for a password only. With `auth_mechanism=external` in the URL it takes the place of user and password.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_identity(mut self, certificate_pem: impl Into<String>, key_pem: impl Into<String>) -> Self {
        self.tls.identity = Some((certificate_pem.into(), Secret::new(key_pem)));
        self
    }

    /// Connects, twice: to publish and to consume.
    ///
    /// # Errors
    ///
    /// After [`connection_timeout`](Self::connection_timeout) at the latest, and never a second attempt in the
    /// background:
    ///
    /// - [`Code::PermissionDenied`](rpc_core::Code::PermissionDenied) when the broker refuses the login;
    /// - [`Code::Unavailable`](rpc_core::Code::Unavailable), not retryable, when one side does not accept the other's
    ///   certificate, or they have no version of TLS in common; says what to do; also when there is no password in the
    ///   [`password_file`](Self::password_file);
    /// - [`Code::Unavailable`](rpc_core::Code::Unavailable), not retryable, when it refuses the vhost or when the URL is
    ///   wrong (the source is a [`UrlError`] then);
    /// - [`Code::Unavailable`](rpc_core::Code::Unavailable), retryable, when nobody answers; names every host and the
    ///   last cause.
    ///
    /// No error holds the password.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves no connection behind.
    pub async fn connect(self) -> Result<AmqpTransport, Error> {
        let url: BrokerUrl = self.url.reveal().parse()?;
        if url.scheme == Scheme::Tls && !cfg!(feature = "tls") {
            return Err(UrlError::TlsNotBuilt.into());
        }
        let settings = self.settings(&url)?;
        warn_of_plain_text(&url);
        AmqpTransport::open(url, settings).await
    }

    fn settings(self, url: &BrokerUrl) -> Result<Settings, UrlError> {
        let default = Settings::default();
        let heartbeat = self.heartbeat.or(url.query.heartbeat).unwrap_or(default.heartbeat);
        if !(Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&heartbeat) {
            return Err(UrlError::Value { key: "heartbeat", allowed: "1 to 3600 seconds" });
        }
        let timeout =
            self.connection_timeout.or(url.query.connection_timeout).unwrap_or(default.connection_timeout);
        if timeout.is_zero() || timeout > Duration::from_secs(3_600) {
            return Err(UrlError::Value { key: "connection_timeout", allowed: "1 to 3600 seconds" });
        }
        if url.query.auth_mechanism == AuthMechanism::External && self.password_file.is_some() {
            return Err(UrlError::ExternalWithLogin);
        }
        #[cfg(feature = "tls")]
        self.tls.check()?;
        #[cfg(feature = "tls")]
        if url.query.auth_mechanism == AuthMechanism::External && self.tls.identity.is_none() {
            return Err(UrlError::ExternalWithoutCertificate);
        }
        if !(1..=Settings::LARGEST_MESSAGE).contains(&self.max_message_size) {
            return Err(UrlError::Value {
                key: "max_message_size",
                allowed: "1 to 16777216 bytes, which is what every broker takes",
            });
        }
        let blocked_timeout =
            self.blocked_timeout.or(url.query.blocked_timeout).unwrap_or(default.blocked_timeout);
        if blocked_timeout.is_zero() || blocked_timeout > Duration::from_secs(3_600) {
            return Err(UrlError::Value { key: "blocked_timeout", allowed: "1 to 3600 seconds" });
        }
        let wire = self.wire.or(url.query.wire).unwrap_or_default();
        if let Some(key) = url.query.oslo.first_key().filter(|_| wire != Wire::Oslo) {
            return Err(UrlError::NeedsOsloWire { key });
        }
        let oslo = self.oslo.unwrap_or_else(|| url.query.oslo.applied_to(default.oslo));
        if oslo.transient_queues_ttl > OsloOptions::LONGEST_TTL {
            return Err(UrlError::Value { key: "transient_queues_ttl", allowed: "0 to 2000000 seconds" });
        }
        Ok(Settings {
            name: self.service_name.unwrap_or(default.name),
            password_file: self.password_file,
            heartbeat,
            connection_timeout: timeout,
            blocked_timeout,
            queue_type: self.queue_type.or(url.query.queue_type).unwrap_or_default(),
            reply_queue_type: self.reply_queue_type.or(url.query.reply_queue_type).unwrap_or_default(),
            topology: self.topology.or(url.query.topology).unwrap_or_default(),
            wire,
            oslo,
            exceptions: self.exceptions,
            most_prefetch: url.query.most_prefetch.unwrap_or(default.most_prefetch),
            max_message_size: self.max_message_size,
            #[cfg(feature = "tls")]
            tls: self.tls,
            #[cfg(test)]
            simulated: None,
        })
    }
}

/// Once per process: whoever has chosen it knows, and whoever has not should.
fn warn_of_plain_text(url: &BrokerUrl) {
    static ONCE: Once = Once::new();
    let far = url.nodes.iter().find(|node| url.scheme == Scheme::Plain && !node.is_loopback());
    if let Some(node) = far {
        ONCE.call_once(|| {
            tracing::warn!(
                host = node.host,
                "passwords and messages travel unencrypted to another machine: write amqps:// to encrypt them"
            );
        });
    }
}

impl fmt::Debug for AmqpTransportBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AmqpTransportBuilder")
            .field("url", &self.url)
            .field("service_name", &self.service_name)
            .field("password_file", &self.password_file)
            .field("heartbeat", &self.heartbeat)
            .field("connection_timeout", &self.connection_timeout)
            .field("blocked_timeout", &self.blocked_timeout)
            .field("queue_type", &self.queue_type)
            .field("reply_queue_type", &self.reply_queue_type)
            .field("topology", &self.topology)
            .field("wire", &self.wire)
            .field("oslo", &self.oslo)
            .field("max_message_size", &self.max_message_size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, change: impl FnOnce(AmqpTransportBuilder) -> AmqpTransportBuilder) -> Settings {
        change(AmqpTransport::builder(url)).settings(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn setters_win_over_the_url() {
        let url = "amqp://h?heartbeat=7&queue_type=quorum&prefetch=3&blocked_timeout=4";
        let from_url = settings(url, |builder| builder);
        assert_eq!(from_url.heartbeat, Duration::from_secs(7));
        assert_eq!(from_url.blocked_timeout, Duration::from_secs(4));
        let set = settings(url, |builder| builder.blocked_timeout(Duration::from_millis(200)));
        assert_eq!(set.blocked_timeout, Duration::from_millis(200));
        assert_eq!((from_url.queue_type, from_url.most_prefetch), (QueueType::Quorum, 3));
        let set =
            settings(url, |builder| builder.heartbeat(Duration::from_secs(9)).queue_type(QueueType::Classic));
        assert_eq!((set.heartbeat, set.queue_type), (Duration::from_secs(9), QueueType::Classic));
        assert_eq!((set.reply_queue_type, from_url.reply_queue_type), Default::default());
        let url = "amqp://h?reply_queue_type=quorum";
        assert_eq!(settings(url, |builder| builder).reply_queue_type, QueueType::Quorum);
        let set = settings(url, |builder| builder.reply_queue_type(QueueType::Classic));
        assert_eq!(set.reply_queue_type, QueueType::Classic);
    }

    #[test]
    fn what_peers_declare_is_told_with_their_wire_only() {
        let all = "&control_exchange=nova%2f1&durable=true&auto_delete=true&transient_quorum=true\
                   &transient_queues_ttl=60&queue_type=quorum";
        let from_url = settings(&format!("amqp://h?wire=oslo{all}"), |builder| builder);
        let options = OsloOptions {
            control_exchange: "nova/1".to_owned(),
            durable: true,
            auto_delete: true,
            transient_quorum: true,
            transient_queues_ttl: Duration::from_secs(60),
        };
        assert_eq!((from_url.wire, &from_url.oslo), (Wire::Oslo, &options));
        let set = settings("amqp://h", |builder| builder.wire(Wire::Oslo).oslo(options.clone()));
        assert_eq!((set.wire, set.oslo), (Wire::Oslo, options));
        assert_eq!(settings("amqp://h?wire=oslo", |it| it).oslo, OsloOptions::default());
        assert_eq!(settings("amqp://h", |builder| builder).wire, Wire::Native);
        for query in ["durable=true", "wire=native&control_exchange=x"] {
            let url = format!("amqp://h?{query}");
            let error = AmqpTransport::builder(&url).settings(&url.parse().unwrap()).unwrap_err();
            assert!(matches!(error, UrlError::NeedsOsloWire { .. }), "{query}: {error}");
        }
        for query in [
            "durable=on",
            "transient_queues_ttl=-1",
            "transient_queues_ttl=+1",
            "control_exchange=",
            "wire=x",
        ] {
            assert!(format!("amqp://h?wire=oslo&{query}").parse::<BrokerUrl>().is_err(), "{query}");
        }
    }

    #[test]
    fn a_heartbeat_cannot_be_switched_off() {
        let builder = AmqpTransport::builder("amqp://h").heartbeat(Duration::ZERO);
        assert!(builder.settings(&"amqp://h".parse().unwrap()).is_err());
    }

    #[test]
    fn a_message_that_some_broker_refuses_is_not_allowed() {
        for (bytes, is_allowed) in [(0, false), (1, true), (16 << 20, true), ((16 << 20) + 1, false)] {
            let settings = AmqpTransport::builder("amqp://h")
                .max_message_size(bytes)
                .settings(&"amqp://h".parse().unwrap());
            assert_eq!(settings.is_ok(), is_allowed, "{bytes}");
        }
    }

    #[test]
    fn debug_does_not_show_the_url() {
        let builder = AmqpTransport::builder("amqp://u:hunter2@h");
        assert!(!format!("{builder:?}").contains("hunter2"));
    }
}
