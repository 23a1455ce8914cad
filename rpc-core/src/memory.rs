//! A broker in this process: for tests, and for programs that are one process.
//!
//! It keeps the promises of a real broker and is no kinder: requests to nobody are refused, messages expire,
//! consumers get no more than their prefetch, what was not settled is delivered again, pools share. It runs on
//! tokio's clock, so a test with a paused clock needs no sleeps. Nothing survives the process.

mod broker;
mod connection;
mod consumer;
mod dead_letters;
mod queue;
mod state;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

pub use self::broker::MemoryBroker;
use crate::error::Error;
use crate::health::HealthWatch;
use crate::transport::{Connector, SharedTransport, StatusWatch, TransportUrlError};

/// A connection to a [`MemoryBroker`].
///
/// ```
/// use rpc_core::{Client, MemoryTransport, Target};
///
/// let transport = MemoryTransport::new();
/// let client = Client::new(&transport, Target::topic("conductor"));
/// # drop(client);
/// ```
#[derive(Clone)]
pub struct MemoryTransport {
    shared: SharedTransport,
    broker: MemoryBroker,
}

impl MemoryTransport {
    /// A broker of its own, and a connection to it.
    #[must_use]
    pub fn new() -> Self {
        MemoryBroker::new().connect()
    }

    /// The broker, for further connections and a look at dead letters.
    #[must_use]
    pub const fn broker(&self) -> &MemoryBroker {
        &self.broker
    }

    /// The state of the connection: connected until it is closed.
    #[must_use]
    pub fn status(&self) -> StatusWatch {
        self.shared.status()
    }

    /// Whether the connection is there to be used.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.shared.health()
    }

    /// Leaves the broker at once: what was unsettled goes back to its queues, calls that wait fail.
    pub async fn close(&self) {
        self.shared.close(Duration::ZERO).await;
    }
}

impl Default for MemoryTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<SharedTransport> for MemoryTransport {
    fn as_ref(&self) -> &SharedTransport {
        &self.shared
    }
}

impl From<MemoryTransport> for SharedTransport {
    fn from(transport: MemoryTransport) -> Self {
        transport.shared
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MemoryTransport").field(&self.shared).finish()
    }
}

/// Opens `memory://NAME` for a [`Registry`](crate::Registry): every URL with the same name, which may be empty,
/// is another connection to the same broker.
#[derive(Clone, Debug, Default)]
pub struct MemoryConnector {
    brokers: Arc<Mutex<HashMap<String, MemoryBroker>>>,
}

#[async_trait]
impl Connector for MemoryConnector {
    async fn connect(&self, url: &str) -> Result<SharedTransport, Error> {
        let name = url.split_once("://").map_or("", |(_, name)| name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !name.bytes().all(plain) {
            return Err(TransportUrlError::MemoryName.into());
        }
        let mut brokers = self.brokers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(brokers.entry(name.to_owned()).or_default().connect().into())
    }
}
