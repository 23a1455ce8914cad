//! Describing a transport.

mod settings;

use std::fmt;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use rpc_core::Error;
use rpc_core::transport::{Capabilities, Destination, Source};

use crate::secret::Secret;
use crate::settings::{OsloOptions, QueueType, RequestRouting, Topology, Wire};
use crate::topology_plan::TopologyPlan;
use crate::transport::AmqpTransport;
use crate::url::{BrokerUrl, Scheme, UrlError};
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
    request_routing: Option<RequestRouting>,
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
            request_routing: None,
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

    /// Which way requests to the queue of a topic or of one server take, on the native wire. Default:
    /// [`RequestRouting::Queue`]; [`RequestRouting::Exchange`] is for brokers where requests are tapped or restricted.
    #[must_use]
    pub fn request_routing(mut self, routing: RequestRouting) -> Self {
        self.request_routing = Some(routing);
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

    /// What programs declare that are described so, when they consume `sources` and send to `destinations`. Connects to nobody.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`](rpc_core::Code::Unavailable) when the URL is wrong (the source is a [`UrlError`] then), and
    /// [`Code::InvalidArguments`](rpc_core::Code::InvalidArguments) for names that are empty or too long.
    pub fn plan(self, sources: &[Source], destinations: &[Destination]) -> Result<TopologyPlan, Error> {
        let url: BrokerUrl = self.url.reveal().parse()?;
        TopologyPlan::new(&self.settings(&url)?, sources, destinations)
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
            .field("request_routing", &self.request_routing)
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

    #[test]
    fn debug_does_not_show_the_url() {
        let builder = AmqpTransport::builder("amqp://u:hunter2@h");
        assert!(!format!("{builder:?}").contains("hunter2"));
    }
}
