//! A small service, and clients of it on connections of their own.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Endpoint, Server, Target, service};
use serde_bytes::ByteBuf;
use tests::broker::{Broker, unique};

/// What the tests call.
#[service]
pub(crate) trait Sums {
    /// Answers with a function of its argument, so that a crossed reply is seen.
    #[call]
    async fn square(&self, number: i64) -> i64;
    /// Sleeps.
    #[call]
    async fn sleep(&self, milliseconds: u64);
    /// Blocks its thread.
    #[call]
    async fn block(&self, milliseconds: u64);
    /// Panics.
    #[call]
    async fn crash(&self);
    /// Answers with that many bytes.
    #[call]
    async fn bytes(&self, count: usize) -> ByteBuf;
}

struct Sum;

impl Sums for Sum {
    async fn square(&self, number: i64) -> i64 {
        number * number
    }

    async fn sleep(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn block(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    async fn crash(&self) {
        panic!("asked to");
    }

    async fn bytes(&self, count: usize) -> ByteBuf {
        ByteBuf::from(vec![0; count])
    }
}

pub(crate) fn endpoint() -> impl Endpoint {
    Sum.into_endpoint()
}

/// A server and a client with connections of their own; the server stops when it is dropped.
pub(crate) struct Pair {
    pub(crate) client: SumsClient,
    pub(crate) transport: AmqpTransport,
    pub(crate) server: Server,
    pub(crate) server_transport: AmqpTransport,
}

pub(crate) async fn connect(broker: &Broker) -> AmqpTransport {
    connect_to(&broker.url()).await
}

/// Sends requests through their exchange, so that there is one to declare, to refuse or to lose.
pub(crate) async fn connect_through_exchange(broker: &Broker) -> AmqpTransport {
    connect_to(&format!("{}?request_routing=exchange", broker.url())).await
}

pub(crate) async fn connect_to(url: &str) -> AmqpTransport {
    AmqpTransport::builder(url).connect().await.unwrap()
}

pub(crate) async fn pair(broker: &Broker) -> Pair {
    pair_at(&broker.url()).await
}

pub(crate) async fn pair_at(url: &str) -> Pair {
    let target = Target::topic(unique("sums"));
    let (transport, server_transport) = (connect_to(url).await, connect_to(url).await);
    let server = Server::builder(&server_transport, target.clone().server("one"));
    let server = server.endpoint(endpoint()).start().await.unwrap();
    Pair { client: SumsClient::new(&transport, target), transport, server, server_transport }
}
