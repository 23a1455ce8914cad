//! Where calls are made.

use rpc_amqp::AmqpTransport;
use rpc_core::{MemoryTransport, SharedTransport};

/// The transport.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory,
    /// At this URL.
    RabbitMq(String),
}

impl Place {
    /// A new connection; in memory, also a new broker.
    pub(crate) async fn connect(&self) -> SharedTransport {
        match self {
            Self::Memory => MemoryTransport::new().into(),
            Self::RabbitMq(url) => AmqpTransport::builder(url).connect().await.unwrap().into(),
        }
    }

    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::RabbitMq(_) => "rabbitmq",
        }
    }
}
