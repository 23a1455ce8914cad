//! Opening one connection: TCP, TLS, login.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::ErrorKind;
use lapin::tcp::AsyncTcpStream;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::complaints::Complaints;
use super::guard::{Findings, Guarded, Published};
use super::login;
use super::password;
use super::purpose::Purpose;
use super::refusal::{Refusal, RefusalKind};
use super::resolver::Resolver;
use super::session::Session;
use super::socket::{self, Socket};
#[cfg(feature = "tls")]
use super::tls_failure;
use crate::connection::Connection;
use crate::random;
use crate::settings::Settings;
use crate::url::{AuthMechanism, BrokerUrl, Node};

/// How long one address may take to accept a connection.
const TCP_LIMIT: Duration = Duration::from_secs(1);

const EXTERNAL_ADVICE: &str = "enable the broker's plugin rabbitmq_auth_mechanism_ssl, name EXTERNAL in its \
    auth_mechanisms, and add the user that the certificate names (see ssl_cert_login_from)";

/// Opens connections to the nodes of one URL.
pub(crate) struct Dialler {
    url: BrokerUrl,
    settings: Settings,
    /// Told whenever a node has taken us, so that the other connection need not wait its pause out.
    pub(super) reached: Notify,
    resolver: Resolver,
    complaints: Mutex<Vec<Complaints>>,
}

impl Dialler {
    pub(crate) fn new(url: BrokerUrl, settings: Settings) -> Self {
        let complaints = Mutex::new(vec![Complaints::default(); url.nodes.len()]);
        let resolver = Resolver::new(url.nodes.len());
        Self { url, settings, reached: Notify::new(), resolver, complaints }
    }

    /// All nodes, in an order of chance.
    pub(super) fn shuffled(&self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.url.nodes.len()).collect();
        random::shuffle(&mut order);
        order
    }

    /// A connection to the first node that takes us, within the connection timeout.
    ///
    /// A refused login ends the search: the other nodes share the users, and asking them too only locks accounts.
    pub(super) async fn dial_any(&self, order: &[usize], purpose: Purpose) -> Result<Session, Refusal> {
        let until = Instant::now() + self.settings.connection_timeout;
        let mut last = Refusal::lost("there was no time to try");
        for (index, &node) in order.iter().enumerate() {
            // Whoever accepts and then says nothing must not use up the time of those after it.
            let left = u32::try_from(order.len() - index).unwrap_or(1);
            let share = until.saturating_duration_since(Instant::now()) / left;
            match self.dial_within(node, purpose, share).await {
                Ok(session) => return Ok(session),
                Err(refusal) if refusal.is_final() && refusal.kind != RefusalKind::Untrusted => {
                    return Err(refusal);
                }
                // Each node has a certificate of its own, and one that was away may come back with a good one.
                Err(refusal) if index > 0 && refusal.is_final() && !last.is_final() => {}
                Err(refusal) => last = refusal,
            }
        }
        Err(self.nobody(&last))
    }

    /// A connection to this node, within the connection timeout.
    pub(super) async fn dial(&self, node: usize, purpose: Purpose) -> Result<Session, Refusal> {
        self.dial_within(node, purpose, self.settings.connection_timeout).await
    }

    async fn dial_within(&self, index: usize, purpose: Purpose, limit: Duration) -> Result<Session, Refusal> {
        let node = &self.url.nodes[index];
        match self.dial_node(index, purpose, limit).await {
            Ok(session) => {
                self.reached.notify_waiters();
                Ok(session)
            }
            Err(refusal) => {
                let refusal = match refusal.kind {
                    RefusalKind::Forbidden | RefusalKind::NotAllowed => self.explained(node, &refusal),
                    _ => refusal,
                };
                self.complain(index, purpose, &refusal);
                Err(refusal)
            }
        }
    }

    /// One line, if there was none about this node for a while.
    fn complain(&self, index: usize, purpose: Purpose, refusal: &Refusal) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = complaints[index].failed(Instant::now());
        drop(complaints);
        if let Some(attempts) = attempts {
            let node = self.url.nodes[index].to_string();
            tracing::warn!(%purpose, node, attempts, cause = refusal.text, "cannot use a node of the broker");
        }
    }

    async fn dial_node(&self, index: usize, purpose: Purpose, limit: Duration) -> Result<Session, Refusal> {
        let node = &self.url.nodes[index];
        #[cfg(test)]
        if let Some(host) = &self.settings.simulated {
            let (connection, hang_up) = host.dial(purpose, limit).await?;
            let kill = socket::KillHandle::simulated(hang_up);
            let topology = self.settings.topology;
            return Ok(Session::new(connection, kill, Default::default(), node.to_string(), topology));
        }
        let until = Instant::now() + limit;
        let address = node.address();
        let unreached = |cause: &dyn fmt::Display| Refusal::unreached(format!("{address}: {cause}"));
        let addresses = match tokio::time::timeout_at(until, self.resolver.resolve(index, node)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => return Err(unreached(&format_args!("its name cannot be resolved: {error}"))),
            Err(_) => return Err(unreached(&"its name was not resolved in time")),
        };
        let stream = match tokio::time::timeout_at(until, connect(&addresses)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreached(&error)),
            Err(_) => return Err(unreached(&"no connection in time")),
        };
        let patience = purpose.patience(self.settings.heartbeat);
        let socket =
            socket::tune(&stream, self.settings.heartbeat, patience).and_then(|()| Socket::new(stream));
        let (socket, kill) = socket.map_err(|error| Refusal::lost(format!("{address}: {error}")))?;
        let notes = <(Arc<Findings>, Arc<Published>)>::default();
        let handshake = self.handshake(node, purpose, socket, notes.clone());
        match tokio::time::timeout_at(until, handshake).await {
            Ok(Ok(connection)) => {
                Ok(Session::new(connection, kill, notes, node.to_string(), self.settings.topology))
            }
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(Refusal { kind: RefusalKind::Silent, text: self.silence(node) }),
        }
    }

    fn silence(&self, node: &Node) -> String {
        let advice = match self.url.query.auth_mechanism {
            AuthMechanism::Plain => "",
            // It answers a mechanism that it does not know with three seconds of silence.
            AuthMechanism::External => EXTERNAL_ADVICE,
        };
        let comma = if advice.is_empty() { "" } else { "; " };
        format!("{}: accepted the connection, but no login in time{comma}{advice}", node.address())
    }

    async fn handshake(
        &self,
        node: &Node,
        purpose: Purpose,
        socket: Socket,
        (findings, published): (Arc<Findings>, Arc<Published>),
    ) -> Result<Connection, Refusal> {
        let from_file = match &self.settings.password_file {
            Some(path) => Some(password::from_file(path).await?),
            None => None,
        };
        let password = from_file.as_ref().unwrap_or(&node.password);
        let stream = self.encrypt(node, AsyncTcpStream::Plain(socket)).await?;
        // The guard sits above what decrypts.
        let stream = Guarded::new(stream, findings, published, login::FRAME_MAX);
        let login = login::login(node, password, &self.url, &self.settings, purpose);
        Connection::open(stream, login).await.map_err(|error| self.refused(node, &error))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "the same shape as with TLS")]
    async fn encrypt(
        &self,
        _: &Node,
        stream: AsyncTcpStream<Socket>,
    ) -> Result<AsyncTcpStream<Socket>, Refusal> {
        // A URL with amqps was refused when it was read.
        Ok(stream)
    }

    /// The TLS handshake, for a URL with `amqps`.
    #[cfg(feature = "tls")]
    async fn encrypt(
        &self,
        node: &Node,
        stream: AsyncTcpStream<Socket>,
    ) -> Result<AsyncTcpStream<Socket>, Refusal> {
        use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};

        if self.url.scheme == crate::url::Scheme::Plain {
            return Ok(stream);
        }
        let tls = &self.settings.tls;
        let identity = tls.identity.as_ref().map(|(certificate, key)| OwnedIdentity::PKCS8 {
            pem: certificate.clone().into_bytes(),
            key: key.reveal().to_owned().into_bytes(),
        });
        let config = OwnedTLSConfig { identity, cert_chain: tls.trusted.clone() };
        let shows_certificate = tls.identity.is_some();
        let encrypted = stream.into_tls(&node.host, config.as_ref()).await;
        encrypted.map_err(|error| tls_failure::refusal(node, &error, shows_certificate))
    }

    /// A refused login arrives as an answer; a broker that closes the socket instead is only lost.
    fn refused(&self, node: &Node, error: &lapin::Error) -> Refusal {
        #[cfg(feature = "tls")]
        if self.url.scheme == crate::url::Scheme::Tls
            && let Some(refusal) =
                tls_failure::later_refusal(node, error, self.settings.tls.identity.is_some())
        {
            return refusal;
        }
        let refusal = Refusal::from_answer(error);
        if matches!(error.kind(), ErrorKind::ProtocolError(_)) {
            return refusal;
        }
        Refusal { text: format!("{}: {}", node.address(), refusal.text), ..refusal }
    }

    /// The error text for a refused login, with everything that has to be looked at but the password.
    fn explained(&self, node: &Node, refusal: &Refusal) -> Refusal {
        let vhost = &self.url.vhost;
        let place = format!("{node}/{}", vhost.strip_prefix('/').unwrap_or(vhost));
        let (what, advice) = match (refusal.kind, self.url.query.auth_mechanism) {
            (RefusalKind::NotAllowed, _) => (
                format!("the broker refused vhost {vhost:?} at {place}"),
                "create the vhost (rabbitmqctl add_vhost), and let the user in (set_permissions)",
            ),
            (_, AuthMechanism::Plain) => {
                (format!("the broker refused the login {place}"), "check user and password in the URL")
            }
            (_, AuthMechanism::External) => {
                (format!("the broker refused our certificate as a login at {place}"), EXTERNAL_ADVICE)
            }
        };
        Refusal { kind: refusal.kind, text: format!("{what}: {}; {advice}", refusal.text) }
    }

    fn nobody(&self, last: &Refusal) -> Refusal {
        let nodes: Vec<_> = self.url.nodes.iter().map(ToString::to_string).collect();
        let text = format!(
            "no broker at {} (vhost {:?}); last cause: {}",
            nodes.join(", "),
            self.url.vhost,
            last.text
        );
        Refusal { kind: last.kind, text }
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for &address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Each address has a limit of its own: one that swallows packets must not hide the next.
        match tokio::time::timeout(TCP_LIMIT, socket.connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(last)
}
