//! A proxy that breaks the network between a client and a broker.
//!
//! ```no_run
//! use std::time::Duration;
//! use tests::broker::Broker;
//! use tests::proxy::{Direction, Mode, Proxy, Role};
//!
//! let proxy = Proxy::start(Broker::shared().port());
//! let url = proxy.url();                                  // connect a client to it
//! proxy.set(Direction::Downstream, Mode::Hold);           // nothing comes from the broker any more
//! proxy.heal();                                           // what waited arrives
//! proxy.only(Role::Publish).reset();                      // and again at each reconnect
//! proxy.heal();
//! # let _ = url;
//! ```
//!
//! What is set holds for the connections that are open and for those to come, until something else is set. When a
//! method has returned, it is so: no byte passes that it forbids.
//!
//! Each open client has one connection of ours to the broker; a client that connects while the broker is away is
//! accepted and reset. A FIN or RST of one side goes to the other. The proxy has a thread and a runtime of its own,
//! and goes on when a test blocks its runtime; dropping the last handle of it closes all its sockets. It keeps at most
//! 256 KiB for each direction of a connection, and 512 connections; who sends more is slowed down, and who connects
//! more waits.

mod acceptor;
mod boundary;
mod connection;
mod frame;
mod mode;
mod pace;
mod plan;
mod pump;
mod queue;
mod registry;
mod role;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::acceptor::{Acceptor, Listening};
pub use self::frame::Frame;
pub use self::mode::{Direction, Mode};
use self::plan::{End, Rules};
use self::registry::Registry;
pub use self::role::Role;
use crate::broker::ports;

/// A handle of a proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    port: u16,
    /// The connections that it is about; `None` means all.
    role: Option<Role>,
    registry: Arc<Registry>,
    acceptor: Arc<Acceptor>,
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1, where nobody has to listen yet. It passes everything.
    #[must_use]
    pub fn start(upstream: u16) -> Self {
        let (port, listener) = ports::free();
        let registry = Arc::new(Registry::new());
        let acceptor = Acceptor::start(listener, port, upstream, Arc::clone(&registry));
        Self { port, role: None, registry, acceptor: Arc::new(acceptor) }
    }

    /// Where clients connect, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL through the proxy for user `guest` and vhost `/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port)
    }

    /// The same proxy, for the connections of one role only. A client of this repository has one of each.
    ///
    /// A connection has a role from when the client has sent its name, in `connection.start-ok`, which goes on under
    /// the rules of that role. With TLS the name cannot be read, and a connection has none.
    #[must_use]
    pub fn only(&self, role: Role) -> Self {
        Self { role: Some(role), ..self.clone() }
    }

    /// Sets what happens to the bytes of a direction.
    pub fn set(&self, direction: Direction, mode: Mode) {
        self.change(|rules| rules.set(direction, mode));
    }

    /// Closes both sides with FIN. A connection that was cut stays so; for new ones to pass, [`Proxy::heal`].
    pub fn cut(&self) {
        self.change(|rules| rules.end(End::Cut));
    }

    /// Closes both sides with RST; otherwise as [`Proxy::cut`].
    pub fn reset(&self) {
        self.change(|rules| rules.end(End::Reset));
    }

    /// Closes the client's side with FIN and keeps the broker's side open, until [`Proxy::heal`] or until the broker
    /// closes it: the broker takes the client for alive.
    pub fn orphan(&self) {
        self.change(|rules| rules.end(End::Orphan));
    }

    /// Sends a frame to the clients that are connected, between two frames of the broker. Under [`Mode::Hold`] it
    /// waits. With TLS there is no place for it, and it is never sent.
    ///
    /// # Panics
    ///
    /// When more than 1 MiB waits for a connection.
    pub fn inject(&self, frame: &Frame) {
        self.registry.inject(self.role, frame.as_bytes());
    }

    /// Stops listening: who connects is refused. Open connections stay.
    ///
    /// # Panics
    ///
    /// On a handle for one role: who connects has none yet.
    pub fn refuse(&self) {
        self.listen(Listening::Refuses);
    }

    /// Accepts who connects, and never answers. Open connections stay. Those who were accepted so are reset by
    /// what is set next.
    ///
    /// # Panics
    ///
    /// As [`Proxy::refuse`].
    pub fn accept_silently(&self) {
        self.listen(Listening::AcceptsSilently);
    }

    /// Lets everything pass again, and what was held back with it. A handle for one role heals only the rules of
    /// that role.
    pub fn heal(&self) {
        self.change(|rules| *rules = Rules::PASS);
        if self.role.is_none() {
            self.acceptor.set(Listening::Accepts);
        }
    }

    /// When clients were accepted, of whatever role: the last 100,000 times, in order.
    #[must_use]
    pub fn connections_accepted(&self) -> Vec<Instant> {
        self.registry.times()
    }

    /// The most clients that were accepted within any time of this length.
    #[must_use]
    pub fn most_accepted_within(&self, time: Duration) -> usize {
        let times = self.connections_accepted();
        let within = |first: usize| times.partition_point(|it| *it < times[first] + time) - first;
        (0..times.len()).map(within).max().unwrap_or(0)
    }

    /// Open connections that no side has closed or reset, as far as the proxy can see.
    #[must_use]
    pub fn connections_open(&self) -> usize {
        self.registry.count_open(self.role)
    }

    fn change(&self, change: impl Fn(&mut Rules)) {
        self.registry.change(self.role, change);
    }

    fn listen(&self, listening: Listening) {
        assert!(self.role.is_none(), "who connects has no role yet; ask the handle for all");
        self.acceptor.set(listening);
    }
}
