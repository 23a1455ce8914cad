//! The transport, chosen by URL.

use rpc_amqp::AmqpConnector;
use rpc_core::{Error, MemoryConnector, Registry, SharedTransport};

/// The transports that the examples link.
#[must_use]
pub fn registry() -> Registry {
    Registry::new()
        .with(["memory"], MemoryConnector::default())
        .with(rpc_amqp::SCHEMES, AmqpConnector::default())
}

/// The command line options that choose the transport.
#[derive(Clone, Debug, clap::Args)]
#[non_exhaustive]
pub struct TransportOptions {
    /// Where the broker is: memory://, or amqp://USER:PASSWORD@HOST:PORT/VHOST
    #[arg(long, env = "RPC_TRANSPORT_URL", hide_env_values = true, default_value = "memory://")]
    transport_url: String,
}

impl TransportOptions {
    /// Opens the transport, or one more connection to it.
    pub async fn connect(&self, registry: &Registry) -> Result<SharedTransport, Error> {
        registry.connect(&self.transport_url).await
    }
}
