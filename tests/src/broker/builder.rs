//! What kind of node to start.

use std::sync::Mutex;

use super::Broker;
use super::folder::Folder;
use super::installation::Installation;
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

    /// Starts the node, and returns when it accepts clients.
    ///
    /// # Panics
    ///
    /// Without RabbitMQ on the machine, with how to install it; and when the node does not start, with its log.
    #[must_use]
    pub fn start(mut self) -> Broker {
        let installation = Installation::find();
        let certificates = self.certificates.take().map(|(certificates, client)| {
            self.settings.extend(tls::settings(client));
            certificates
        });
        // Between our choice of the ports and the node's use of them somebody else may take one.
        let mut attempt = 1;
        loop {
            let ports = Ports::choose();
            let folder = Folder::create(ports, &self.settings, &self.plugins, certificates.as_ref());
            let environment = folder.environment(ports);
            let supervisor = Supervisor::spawn(&installation, &folder, &environment);
            let certificates = certificates.clone();
            let broker = Broker {
                installation: installation.clone(),
                ports,
                folder,
                environment,
                certificates,
                supervisor: Mutex::new(supervisor),
            };
            match broker.try_start() {
                Ok(()) => return broker,
                Err(log) if attempt < 3 && log.contains("eaddrinuse") => attempt += 1,
                Err(log) => panic!("RabbitMQ did not start:\n{log}"),
            }
        }
    }
}
