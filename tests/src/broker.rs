//! A private RabbitMQ node for the tests of one process, or three that form a cluster.
//!
//! [`Broker::shared`] is the node that all tests of a binary use. A test that kills, stops or pauses its broker
//! starts one of its own with [`Broker::start`], or a [`Cluster`].
//!
//! The methods block. In an async test use `#[tokio::test(flavor = "multi_thread")]`: there the other tasks of
//! the test go on meanwhile.

mod administration;
mod builder;
mod cluster;
mod folder;
mod installation;
mod listing;
mod member;
pub(crate) mod ports;
mod readiness;
mod supervisor;
mod tls;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use self::builder::{Builder, ClientCertificate};
pub use self::cluster::Cluster;
use self::folder::Folder;
use self::installation::Installation;
pub use self::listing::{Connection, Queue};
use self::ports::Ports;
use self::supervisor::Supervisor;
pub use self::tls::Certificates;

/// How long a node may take to start. It takes 6 to 8 s on two idle cores.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running RabbitMQ node of our own. Dropping it kills the node and removes its data.
pub struct Broker {
    installation: Installation,
    ports: Ports,
    folder: Folder,
    environment: Vec<(String, String)>,
    certificates: Option<Certificates>,
    supervisor: Mutex<Supervisor>,
}

impl Broker {
    /// Starts a node, and returns when it accepts clients: [`Builder::start`] without options.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A node with options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The node that all tests of this binary share. Do not kill it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        blocking(|| SHARED.get_or_init(Self::start))
    }

    /// The URL for user `guest` and vhost `/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.ports.client)
    }

    /// The URL for another user or vhost, whatever characters they contain.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str, vhost: &str) -> String {
        let (user, password, vhost) = (escape(user), escape(password), escape(vhost));
        format!("amqp://{user}:{password}@127.0.0.1:{}/{vhost}", self.ports.client)
    }

    /// The URL of the TLS listener for user `guest` and vhost `/`; by name, `localhost`.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("amqps://guest:guest@localhost:{}", self.tls_port())
    }

    /// The port for clients that speak TLS, on 127.0.0.1.
    ///
    /// # Panics
    ///
    /// On a node that was started without certificates.
    #[must_use]
    pub const fn tls_port(&self) -> u16 {
        assert!(self.certificates.is_some(), "this node has no TLS listener; start it with Builder::tls");
        self.ports.tls
    }

    /// The port for clients, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.ports.client
    }

    /// The name of the Erlang node, as `rabbitmqctl` prints it.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.folder.node
    }

    /// Whether the process of the node runs and is not paused.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.command("running") == "yes"
    }

    /// Kills the node with SIGKILL. What it wrote stays for [`Broker::start_again`]; see also
    /// [`Broker::write_down`].
    pub fn kill(&self) {
        self.command("kill");
    }

    /// Stops the node in order: clients see 320 `CONNECTION_FORCED`.
    pub fn stop(&self) {
        self.command("stop");
    }

    /// Stops the process of the node with SIGSTOP: connections stay up, and nothing answers.
    pub fn pause(&self) {
        self.command("pause");
    }

    /// Lets a paused node go on.
    pub fn resume(&self) {
        self.command("resume");
    }

    /// Starts the node again after [`Broker::kill`] or [`Broker::stop`], on the same ports and data.
    ///
    /// # Panics
    ///
    /// When it does not start, with its log.
    pub fn start_again(&self) {
        if let Err(log) = self.try_start() {
            panic!("RabbitMQ did not start again:\n{log}");
        }
    }

    /// Removes all that a node has stored, after [`Broker::kill`] or [`Broker::stop`]: it comes back empty. In a
    /// cluster it joins the others again.
    ///
    /// # Panics
    ///
    /// When the node runs.
    pub fn wipe(&self) {
        assert_eq!(self.command("running"), "no", "{} still uses its data", self.node());
        self.folder.wipe();
    }

    /// The node's log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.folder.log()
    }

    fn try_start(&self) -> Result<(), String> {
        blocking(|| {
            let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
            supervisor.ask("start");
            let limit = Instant::now() + START_LIMIT;
            loop {
                if readiness::accepts_clients(self.ports.client) {
                    return Ok(());
                }
                if supervisor.ask("running") == "no" {
                    return Err(format!("the node ended\n{}", self.folder.log()));
                }
                if Instant::now() > limit {
                    return Err(format!("not ready after {START_LIMIT:?}\n{}", self.folder.log()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        })
    }

    fn command(&self, command: &str) -> String {
        blocking(|| self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).ask(command))
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Broker").field("node", &self.folder.node).finish_non_exhaustive()
    }
}

/// The version of RabbitMQ that nodes run, as the name of its folder says it; empty when that says nothing.
#[must_use]
pub fn version() -> String {
    let scripts = Installation::find().scripts;
    let mut names = scripts.iter().filter_map(std::ffi::OsStr::to_str);
    names.find_map(|name| name.strip_prefix("rabbitmq_server-")).unwrap_or_default().to_owned()
}

/// A name that no other test of this process uses: `name-1`, `name-2`, ….
#[must_use]
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Runs `work` so that the other tasks of a multi-threaded runtime go on meanwhile.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

/// Percent-encodes all but letters, digits and `-._~`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
