//! RabbitMQ transport of rpc-core.

mod builder;
mod connector;
mod consumer;
mod declare;
mod link;
mod publisher;
mod random;
mod secret;
mod settings;
#[cfg(feature = "tls")]
mod tls;
mod topology;
mod transport;
mod url;
mod wire;

pub use self::builder::AmqpTransportBuilder;
pub use self::connector::{AmqpConnector, SCHEMES};
pub use self::settings::QueueType;
pub use self::transport::AmqpTransport;
pub use self::url::UrlError;
