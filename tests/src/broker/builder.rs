//! What kind of node to start.

use std::sync::Mutex;

use super::Broker;
use super::folder::Folder;
use super::installation::Installation;
use super::member::Member;
use super::ports::Ports;
use super::supervisor::Supervisor;
use super::tls::{self, Certificates};

/// What to start; from [`Broker::builder`].
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    certificates: Option<(Certificates, ClientCertificate)>,
    settings: Vec<String>,
    plugins: Vec<String>,
    descriptor_limit: Option<u32>,
}

/// Whether a TLS client has to show a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientCertificate {
    /// A client that shows none is refused.
    Required,
    /// Clients show none.
    NotAsked,
}

impl Builder {
    /// Also listens for TLS, with `certificates`. Default: no TLS.
    pub fn tls(mut self, certificates: Certificates, client: ClientCertificate) -> Self {
        self.certificates = Some((certificates, client));
        self
    }

    /// Adds a line to `rabbitmq.conf`.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Enables a plugin.
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugins.push(name.to_owned());
        self
    }

    /// Limits the files and sockets that the node may have open (`ulimit -n`). Default: as this process.
    ///
    /// RabbitMQ 3.10 keeps a hundred to itself: 110 leave nine for clients, and with 100 or less it never accepts
    /// one. It accepts a connection that is too many, and does not answer it until another has gone.
    pub fn descriptor_limit(mut self, limit: u32) -> Self {
        self.descriptor_limit = Some(limit);
        self
    }

    /// Starts the node, and returns when it accepts clients.
    ///
    /// # Panics
    ///
    /// Without RabbitMQ on the machine, with how to install it; and when the node does not start, with its log.
    #[must_use]
    pub fn start(self) -> Broker {
        let installation = Installation::find();
        retried(|| {
            let broker = self.prepare(&installation, &Member::alone(), Ports::choose());
            broker.try_start().map(|()| broker)
        })
    }

    /// A node that is not started yet.
    pub(super) fn prepare(&self, installation: &Installation, member: &Member, ports: Ports) -> Broker {
        let mut settings = self.settings.clone();
        let certificates = self.certificates.as_ref().map(|(certificates, client)| {
            settings.extend(tls::settings(*client));
            certificates.clone()
        });
        let folder = Folder::create(member, ports, &settings, &self.plugins, certificates.as_ref());
        let environment = folder.environment(member, ports);
        let supervisor = Supervisor::spawn(installation, &folder, &environment, self.descriptor_limit);
        let supervisor = Mutex::new(supervisor);
        Broker { installation: installation.clone(), ports, folder, environment, certificates, supervisor }
    }
}

/// What a node says whose port somebody else has, for clients and for other nodes.
const PORT_IS_TAKEN: [&str; 2] = ["eaddrinuse", "could not bind to distribution port"];

/// Starts something, again with other ports if need be: between our choice of the ports and their use somebody else
/// may take one.
pub(super) fn retried<T>(start: impl Fn() -> Result<T, String>) -> T {
    let mut attempt = 1;
    loop {
        match start() {
            Ok(started) => return started,
            Err(log) if attempt < 3 && PORT_IS_TAKEN.iter().any(|words| log.contains(words)) => attempt += 1,
            Err(log) => panic!("RabbitMQ did not start:\n{log}"),
        }
    }
}
