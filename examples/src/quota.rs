//! A service in a deployment whose other services are written in Python: it says how much of what a project may have.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rpc_core::{Context, Error, Notification, Notifier, service};
use serde::{Deserialize, Serialize};

/// Why something is not granted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// It would be more than the project may have.
    #[error("{left} {resource} are left, and {wanted} were asked for")]
    OverQuota {
        /// Of what.
        resource: String,
        /// How many are left.
        left: u64,
        /// How many were asked for.
        wanted: u64,
    },
    /// Nobody has ever heard of it.
    #[error("there is no resource {0:?}")]
    UnknownResource(String),
}

/// A project was refused something.
#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "quota.exceeded", priority = "warn")]
#[non_exhaustive]
pub struct Exceeded {
    /// Which project.
    pub project: String,
    /// What it was refused.
    pub resource: String,
}

/// Keeps count of what projects have. Whose count it is says the key `project_id` of the caller's context.
#[service(namespace = "quota", version = "1.1")]
pub trait Quota {
    /// Takes so many of a resource, and says how many are left.
    #[call(timeout = "5s")]
    async fn reserve(
        &self,
        ctx: &Context,
        resource: String,
        #[default(1)] amount: u64,
    ) -> Result<u64, QuotaError>;

    /// Gives so many back; nobody waits for it.
    #[cast]
    async fn release(&self, ctx: &Context, resource: String, #[default(1)] amount: u64);

    /// Tells every server to forget what it has counted.
    #[fanout(since = "1.1")]
    async fn reset(&self);
}

/// One server.
#[derive(Debug)]
pub struct QuotaServer {
    notifier: Notifier,
    used: Mutex<BTreeMap<(String, String), u64>>,
}

impl QuotaServer {
    /// What every project may have.
    pub const LIMITS: [(&str, u64); 2] = [("volumes", 10), ("gibibytes", 1_000)];

    /// A server that emits its events through `notifier`, and has counted nothing.
    #[must_use]
    pub fn new(notifier: Notifier) -> Self {
        Self { notifier, used: Mutex::default() }
    }

    /// Takes, if there are enough; how many are left either way.
    fn take(&self, project: &str, resource: &str, amount: u64, limit: u64) -> Result<u64, u64> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used = used.entry((project.to_owned(), resource.to_owned())).or_default();
        let left = limit.saturating_sub(*used);
        let left_then = left.checked_sub(amount).ok_or(left)?;
        *used += amount;
        Ok(left_then)
    }
}

impl Quota for QuotaServer {
    async fn reserve(&self, ctx: &Context, resource: String, amount: u64) -> Result<u64, QuotaError> {
        let Some((_, limit)) = Self::LIMITS.into_iter().find(|(name, _)| *name == resource) else {
            return Err(QuotaError::UnknownResource(resource));
        };
        let project = project(ctx);
        let left = match self.take(&project, &resource, amount, limit) {
            Ok(left) => return Ok(left),
            Err(left) => left,
        };
        let told: Result<(), Error> =
            self.notifier.emit(&Exceeded { project, resource: resource.clone() }).await;
        // Events are news: a project is refused whether or not anybody hears of it.
        if let Err(error) = told {
            eprintln!("an event was not sent: {error}");
        }
        Err(QuotaError::OverQuota { resource, left, wanted: amount })
    }

    async fn release(&self, ctx: &Context, resource: String, amount: u64) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = used.get_mut(&(project(ctx), resource)) {
            *used = used.saturating_sub(amount);
        }
    }

    async fn reset(&self) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn project(context: &Context) -> String {
    context.metadata.get("project_id").unwrap_or("nobody").to_owned()
}
