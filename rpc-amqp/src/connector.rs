//! RabbitMQ in a registry of transports.

use async_trait::async_trait;
use rpc_core::transport::Connector;
use rpc_core::{Error, SharedTransport};

use crate::transport::AmqpTransport;

/// The URL schemes that [`AmqpConnector`] opens.
pub const SCHEMES: [&str; 3] = ["amqp", "amqps", "rabbit"];

/// Opens transports by URL, for a [`Registry`](rpc_core::Registry).
///
/// ```
/// let registry = rpc_core::Registry::new().with(rpc_amqp::SCHEMES, rpc_amqp::AmqpConnector::default());
/// # let _ = registry;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AmqpConnector;

#[async_trait]
impl Connector for AmqpConnector {
    async fn connect(&self, url: &str) -> Result<SharedTransport, Error> {
        Ok(AmqpTransport::builder(url).connect().await?.into())
    }
}
