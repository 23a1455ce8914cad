//! RabbitMQ shows every behaviour of the conformance kit, with the same list as the memory transport.

use std::sync::Arc;

use rpc_amqp::AmqpTransport;
use rpc_core::{SharedTransport, conformance, conformance_tests};
use tests::broker::Broker;

struct RabbitMq(&'static Broker);

#[async_trait::async_trait]
impl conformance::Harness for RabbitMq {
    async fn connect(&self) -> SharedTransport {
        AmqpTransport::builder(self.0.url()).connect().await.expect("the private node accepts us").into()
    }
}

conformance_tests!(
    tokio::test(flavor = "multi_thread", worker_threads = 2),
    Arc::new(RabbitMq(Broker::shared()))
);
