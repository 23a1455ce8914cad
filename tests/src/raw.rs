//! A plain AMQP client, as anybody could write one: no code of the library under test.
//!
//! It publishes what our own client never would, and looks at queues from outside.
//!
//! ```no_run
//! # async fn example() {
//! use tests::raw::{Message, RawClient};
//!
//! let client = RawClient::connect("amqp://guest:guest@127.0.0.1:5672").await;
//! let mut replies = client.reply_queue().await;
//! let request = Message::request("change_power", b"not a map").answered_at(replies.address(), "1f0c");
//! client.publish("x.default", "conductor", &request).await;
//! let reply = replies.wait("1f0c").await.expect("an answer");
//! assert_eq!(reply.header("code").as_deref(), Some("malformed"));
//! # }
//! ```

pub mod frames;
mod message;
mod reply_queue;

use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, ConnectionProperties};

pub use self::message::Message;
pub use self::reply_queue::ReplyQueue;
pub(crate) use self::reply_queue::random_hex;

/// How long anything that has to happen may take. Only a failing test waits that long.
pub const LIMIT: Duration = Duration::from_secs(10);

/// A connection, with a channel in confirm mode to publish on.
#[derive(Debug)]
pub struct RawClient {
    channel: Channel,
    connection: Connection,
}

impl RawClient {
    /// Connects, once.
    pub async fn connect(url: &str) -> Self {
        let properties = ConnectionProperties::default().with_connection_name("raw".into());
        let connection = Connection::connect(url, properties).await.expect("the broker takes the connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirm mode");
        Self { channel, connection }
    }

    /// Publishes as mandatory, and waits for the confirm. Says whether a queue took the message.
    pub async fn publish(&self, exchange: &str, routing_key: &str, message: &Message) -> bool {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm = self
            .channel
            .basic_publish(
                exchange.into(),
                routing_key.into(),
                options,
                &message.body,
                message.to_properties(),
            )
            .await
            .expect("the message is sent");
        match within(confirm).await.expect("the broker confirms") {
            Confirmation::Ack(returned) => returned.is_none(),
            other => panic!("not confirmed: {other:?}"),
        }
    }

    /// Declares a durable classic queue.
    pub async fn declare(&self, queue: &str) {
        self.declare_with(queue, FieldTable::default()).await;
    }

    /// Declares a quorum queue, with a replica on each of at most five nodes.
    pub async fn declare_quorum(&self, queue: &str) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        self.declare_with(queue, arguments).await;
    }

    /// Deletes an exchange, with all its bindings.
    pub async fn delete_exchange(&self, exchange: &str) {
        let deleted = self.channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default());
        within(deleted).await.expect("the exchange is deleted");
    }

    /// Declares a queue with a legal reply address for a name, and consumes from it.
    pub async fn reply_queue(&self) -> ReplyQueue {
        let address = reply_queue::random_address();
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let declared = self.channel.queue_declare(address.clone().into(), options, FieldTable::default());
        within(declared).await.expect("the reply queue is declared");
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer =
            self.channel.basic_consume(address.clone().into(), "".into(), options, FieldTable::default());
        ReplyQueue::new(address, within(consumer).await.expect("the reply queue is consumed"))
    }

    /// Deletes a queue, if there is one.
    pub async fn delete_queue(&self, queue: &str) {
        let deleted = self.channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        within(deleted).await.expect("the queue is deleted");
    }

    /// Deletes a queue, and declares one of the name that is classic, durable and keeps 100,000 messages at most.
    pub async fn replace_queue(&self, queue: &str) {
        self.delete_queue(queue).await;
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(100_000));
        let declared = self.channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments);
        within(declared).await.expect("the queue is declared before anybody else does it");
    }

    /// Takes a message from a queue, if the queue exists and there is one now.
    pub async fn get(&self, queue: &str) -> Option<Message> {
        // A channel of its own: the broker closes the channel that asks for a queue that does not exist.
        let channel = within(self.connection.create_channel()).await.expect("a channel");
        let message = match within(channel.basic_get(queue.into(), BasicGetOptions::default())).await {
            Ok(message) => message,
            Err(error) if error.to_string().contains("NOT_FOUND") => return None,
            Err(error) => panic!("{queue} cannot be read: {error}"),
        };
        let delivery = message.map(|message| message.delivery);
        if let Some(delivery) = &delivery {
            let acknowledged = channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default());
            within(acknowledged).await.expect("the message is acknowledged");
        }
        within(channel.close(200, "done".into())).await.expect("the channel is closed");
        delivery.as_ref().map(Message::from_delivery)
    }

    /// Takes a message from a queue, and waits for one.
    ///
    /// # Panics
    ///
    /// When none comes within [`LIMIT`].
    pub async fn take(&self, queue: &str) -> Message {
        eventually(async || self.get(queue).await)
            .await
            .unwrap_or_else(|| panic!("no message came to {queue}"))
    }

    /// Closes the connection.
    pub async fn close(self) {
        let _ = within(self.connection.close(200, "done".into())).await;
    }

    async fn declare_with(&self, queue: &str, arguments: FieldTable) {
        let declared = self.channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments);
        within(declared).await.expect("the queue is declared");
    }
}

/// Tries until `attempt` returns something, for at most [`LIMIT`].
pub async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let limit = tokio::time::Instant::now() + LIMIT;
    loop {
        if let Some(found) = attempt().await {
            return Some(found);
        }
        if tokio::time::Instant::now() > limit {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `future`, which must not take longer than [`LIMIT`].
async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("the broker answers in time")
}
