//! RabbitMQ in a registry of transports.

use async_trait::async_trait;
use rpc_core::transport::Connector;
use rpc_core::{Error, SharedTransport};

use crate::builder::AmqpTransportBuilder;
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
pub struct AmqpConnector {
    configure: Option<Configure>,
}

type Configure = fn(AmqpTransportBuilder) -> AmqpTransportBuilder;

impl AmqpConnector {
    /// A connector that sets on every transport what a URL does not say. Default: nothing.
    #[must_use]
    pub const fn configured(configure: fn(AmqpTransportBuilder) -> AmqpTransportBuilder) -> Self {
        Self { configure: Some(configure) }
    }
}

#[async_trait]
impl Connector for AmqpConnector {
    async fn connect(&self, url: &str) -> Result<SharedTransport, Error> {
        let builder = AmqpTransport::builder(url);
        let builder = match self.configure {
            Some(configure) => configure(builder),
            None => builder,
        };
        Ok(builder.connect().await?.into())
    }
}
