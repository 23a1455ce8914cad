//! A service that runs virtual machines, as the examples serve and call it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{Context, Error, Notification, Notifier, service};
use serde::{Deserialize, Serialize};

/// A virtual machine.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// How many cores it has.
    pub cores: u32,
    /// The server that runs it.
    pub host: String,
}

/// Why a virtual machine could not be had.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum ComputeError {
    /// The host has not that many cores.
    #[error("{wanted} cores are more than the {most} of a host")]
    TooLarge {
        /// How many were asked for.
        wanted: u32,
        /// How many a host has.
        most: u32,
    },
    /// No machine has this name.
    #[error("there is no instance {0:?}")]
    NotFound(String),
}

/// A machine was started.
#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "compute.instance.booted")]
#[non_exhaustive]
pub struct Booted {
    /// The machine.
    pub instance: Instance,
}

/// Runs virtual machines on hosts.
#[service(namespace = "compute", version = "1.2")]
pub trait Compute {
    /// The name of the host that answers.
    #[call(timeout = "5s", idempotent)]
    async fn whoami(&self) -> String;

    /// Starts a machine and says where it runs.
    #[call(timeout = "5s")]
    async fn boot(&self, name: String, #[default(2)] cores: u32) -> Result<Instance, ComputeError>;

    /// Moves a machine to another host, which takes a minute.
    #[call(timeout = "300ms")]
    async fn migrate(&self, name: String) -> Result<Instance, ComputeError>;

    /// Stops a machine; nobody waits for it.
    #[cast]
    async fn stop(&self, name: String);

    /// Tells every host to count its machines.
    #[fanout(since = "1.2")]
    async fn audit(&self, ctx: &Context);
}

/// One host.
#[derive(Debug)]
pub struct Host {
    name: String,
    notifier: Notifier,
    instances: Mutex<BTreeMap<String, Instance>>,
}

impl Host {
    /// How many cores a host has.
    pub const CORES: u32 = 16;

    /// A host that emits its events through `notifier`.
    #[must_use]
    pub fn new(name: &str, notifier: Notifier) -> Self {
        Self { name: name.to_owned(), notifier, instances: Mutex::default() }
    }

    /// Events are news: a host does not fail because it could not tell them.
    fn news(&self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            eprintln!("{}: an event was not sent: {error}", self.name);
        }
    }
}

impl Compute for Host {
    async fn whoami(&self) -> String {
        self.name.clone()
    }

    async fn boot(&self, name: String, cores: u32) -> Result<Instance, ComputeError> {
        if cores > Self::CORES {
            return Err(ComputeError::TooLarge { wanted: cores, most: Self::CORES });
        }
        let instance = Instance { name: name.clone(), cores, host: self.name.clone() };
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).insert(name, instance.clone());
        self.news(self.notifier.emit(&Booted { instance: instance.clone() }).await);
        Ok(instance)
    }

    async fn migrate(&self, name: String) -> Result<Instance, ComputeError> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Err(ComputeError::NotFound(name))
    }

    async fn stop(&self, name: String) {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        self.news(self.notifier.info("compute.instance.stopped", &name).await);
    }

    async fn audit(&self, ctx: &Context) {
        let user = ctx.metadata.get("user").unwrap_or("nobody").to_owned();
        let count = self.instances.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.news(self.notifier.audit("compute.host.audited", &(&self.name, count, user)).await);
    }
}
