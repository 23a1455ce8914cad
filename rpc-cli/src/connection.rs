//! The way to the broker.

use std::time::Duration;

use rpc_amqp::AmqpConnector;
use rpc_core::{MemoryConnector, Registry, SharedTransport};

use crate::failure::Failure;
use crate::options::Options;

/// How long leaving the broker may take.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Connects, works, and leaves nothing on the broker, however the work ends.
pub(crate) async fn connected<T>(
    options: &Options,
    work: impl AsyncFnOnce(&SharedTransport) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let registry = Registry::new()
        .with(["memory"], MemoryConnector::default())
        .with(rpc_amqp::SCHEMES, AmqpConnector::configured(|builder| builder.service_name("rpc-cli")));
    let transport = options.transport.connect(&registry).await.map_err(Failure::Connect)?;
    let done = work(&transport).await;
    transport.close(GRACE).await;
    done
}
