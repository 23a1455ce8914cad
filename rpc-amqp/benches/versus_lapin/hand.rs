//! What a competent user writes over lapin: one connection per process, a channel to publish and one to consume, a task
//! per request. `equal` promises what ours does as far as a loop without reconnects can; `bare` promises nothing.

mod client;
mod collector;
mod server;

use lapin::Confirmation;
use lapin::options::{
    BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};

pub(crate) use self::client::HandClient;
pub(crate) use self::server::HandServer;
use super::command::Side;
use super::role::PREFETCH;

/// Milliseconds until a message of `equal` expires, the same as its deadline.
const EXPIRATION: &str = "30000";
/// Where fanouts and events come from; `equal` and `bare` have exchanges of their own.
const FANOUT: &str = "all";
const EVENTS: &str = "events";

async fn connect(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default()).await.unwrap()
}

fn name(side: Side, what: &str) -> String {
    format!("hand.{}.{what}", side.as_str())
}

/// A channel to publish on.
async fn publishing(connection: &Connection, side: Side) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    if side == Side::Equal {
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    }
    channel
}

/// A channel to consume on.
async fn consuming(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.unwrap();
    channel
}

async fn declare_queue(channel: &Channel, queue: &str, options: QueueDeclareOptions) {
    channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
}

async fn bind(channel: &Channel, exchange: &str, kind: ExchangeKind, queue: &str) {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(exchange.into(), kind, durable, FieldTable::default()).await.unwrap();
    let options = QueueBindOptions::default();
    channel
        .queue_bind(queue.into(), exchange.into(), "info".into(), options, FieldTable::default())
        .await
        .unwrap();
}

/// Publishes, and for `equal` waits until the broker has confirmed and not returned it.
async fn publish(
    channel: &Channel,
    exchange: &str,
    routing_key: &str,
    mandatory: bool,
    body: &[u8],
    properties: BasicProperties,
) {
    let options = BasicPublishOptions { mandatory, immediate: false };
    let publishing = channel.basic_publish(exchange.into(), routing_key.into(), options, body, properties);
    match publishing.await.unwrap().await.unwrap() {
        Confirmation::Ack(None) | Confirmation::NotRequested => {}
        refused => panic!("the broker did not take it: {refused:?}"),
    }
}
