//! The client by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{EVENTS, EXPIRATION, FANOUT, connect, declare_queue, name, publish, publishing};
use crate::command::Side;
use crate::requester::Requester;

const DEADLINE: Duration = Duration::from_secs(30);

/// Calls that wait, by correlation id.
type Pending = Arc<Mutex<HashMap<String, oneshot::Sender<Vec<u8>>>>>;

#[derive(Clone)]
pub(crate) struct HandClient(Arc<Parts>);

struct Parts {
    side: Side,
    _connection: Connection,
    channel: Channel,
    pending: Pending,
    reply_queue: String,
    work_queue: String,
    fanout: String,
    events: String,
}

impl HandClient {
    pub(crate) async fn connect(url: &str, side: Side) -> Self {
        let connection = connect(url).await;
        let channel = publishing(&connection, side).await;
        let consuming = connection.create_channel().await.unwrap();
        let reply_queue = name(side, &format!("reply.{}", Uuid::new_v4().simple()));
        let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        declare_queue(&consuming, &reply_queue, exclusive).await;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let replies =
            consuming.basic_consume(reply_queue.as_str().into(), "".into(), options, FieldTable::default());
        let pending = Pending::default();
        tokio::spawn(receive(replies.await.unwrap(), Arc::clone(&pending)));
        let (work_queue, fanout, events) = (name(side, "work"), name(side, FANOUT), name(side, EVENTS));
        Self(Arc::new(Parts {
            side,
            _connection: connection,
            channel,
            pending,
            reply_queue,
            work_queue,
            fanout,
            events,
        }))
    }

    fn is_equal(&self) -> bool {
        self.0.side == Side::Equal
    }

    /// The properties of a message that is only sent.
    fn properties(&self, delivery_mode: u8) -> BasicProperties {
        if self.is_equal() {
            let id = Uuid::new_v4().simple().to_string();
            BasicProperties::default().with_message_id(id.into()).with_delivery_mode(delivery_mode)
        } else {
            BasicProperties::default()
        }
    }
}

async fn receive(mut replies: Consumer, pending: Pending) {
    while let Some(Ok(delivery)) = replies.next().await {
        let id = delivery.properties.correlation_id().as_ref().expect("the server copies it");
        let waiting = pending.lock().unwrap().remove(id.as_str());
        if let Some(waiting) = waiting {
            let _ = waiting.send(delivery.data);
        }
    }
}

impl Requester for HandClient {
    async fn call(&self, body: &str) {
        let Parts { channel, pending, reply_queue, work_queue, .. } = &*self.0;
        let id = Uuid::new_v4().simple().to_string();
        let (sender, reply) = oneshot::channel();
        pending.lock().unwrap().insert(id.clone(), sender);
        let properties = BasicProperties::default()
            .with_correlation_id(id.as_str().into())
            .with_reply_to(reply_queue.as_str().into());
        let reply = if self.is_equal() {
            let properties = properties.with_message_id(id.into()).with_expiration(EXPIRATION.into());
            let publishing = publish(channel, "", work_queue, true, body.as_bytes(), properties);
            let exchange = async { tokio::join!(publishing, reply).1 };
            tokio::time::timeout(DEADLINE, exchange).await.expect("a reply in time")
        } else {
            publish(channel, "", work_queue, false, body.as_bytes(), properties).await;
            reply.await
        };
        assert_eq!(reply.expect("the connection is up").len(), body.len());
    }

    async fn cast(&self, body: &str) {
        let Parts { channel, work_queue, .. } = &*self.0;
        publish(channel, "", work_queue, self.is_equal(), body.as_bytes(), self.properties(2)).await;
    }

    async fn fanout(&self, body: &str) {
        let Parts { channel, fanout, .. } = &*self.0;
        publish(channel, fanout, "", false, body.as_bytes(), self.properties(1)).await;
    }

    async fn notify(&self, body: &str) {
        let Parts { channel, events, .. } = &*self.0;
        publish(channel, events, "info", self.is_equal(), body.as_bytes(), self.properties(2)).await;
    }
}
