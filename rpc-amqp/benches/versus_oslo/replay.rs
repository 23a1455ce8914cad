//! Calls of a client in Python, made again: its own bytes with other ids, as many at a time as the server is to have.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Where Python publishes requests.
const EXCHANGE: &str = "openstack";
/// Requests that wait for their answer at a time.
const IN_FLIGHT: u32 = 256;
/// What every answer that is a result says.
const RESULT: &[u8] = br#"\"failure\": null"#;

pub(crate) struct Replay {
    runtime: Runtime,
    _connection: Connection,
    channel: Channel,
    reply_queue: String,
    replies: Consumer,
}

/// A call as Python wrote it, with our reply queue in it.
pub(crate) struct Sample {
    properties: BasicProperties,
    body: Vec<u8>,
}

impl Replay {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (connection, channel, reply_queue, replies) = runtime.block_on(async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
            let channel = connection.create_channel().await.unwrap();
            let reply_queue = format!("reply_{}", Uuid::new_v4().simple());
            let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
            let declared =
                channel.queue_declare(reply_queue.as_str().into(), exclusive, FieldTable::default());
            declared.await.unwrap();
            let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let replies =
                channel.basic_consume(reply_queue.as_str().into(), "".into(), options, FieldTable::default());
            let replies = replies.await.unwrap();
            (connection, channel, reply_queue, replies)
        });
        Self { runtime, _connection: connection, channel, reply_queue, replies }
    }

    /// A copy of the call that `call` makes to `topic`.
    pub(crate) fn sample(&self, topic: &str, call: impl FnOnce()) -> Sample {
        let copies = Uuid::new_v4().to_string();
        self.runtime.block_on(async {
            let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
            let none = FieldTable::default;
            self.channel.queue_declare(copies.as_str().into(), exclusive, none()).await.unwrap();
            let options = QueueBindOptions::default();
            let bound = self.channel.queue_bind(
                copies.as_str().into(),
                EXCHANGE.into(),
                topic.into(),
                options,
                none(),
            );
            bound.await.unwrap();
        });
        call();
        self.runtime.block_on(async {
            let copy = self.channel.basic_get(copies.as_str().into(), BasicGetOptions::default());
            let copy = copy.await.unwrap().expect("Python has published a call").delivery;
            let _ = self.channel.queue_delete(copies.as_str().into(), Default::default()).await;
            let mut body = copy.data;
            put(&mut body, "_reply_q", &self.reply_queue);
            Sample { properties: copy.properties, body }
        })
    }

    /// Makes the call so often, and says how long that took.
    pub(crate) fn turn(&mut self, topic: &str, sample: &Sample, calls: u32) -> Duration {
        let Self { runtime, channel, replies, .. } = self;
        let started = Instant::now();
        runtime.block_on(async {
            let (mut sent, mut answered) = (0, 0);
            while answered < calls {
                while sent < calls && sent - answered < IN_FLIGHT {
                    let mut body = sample.body.clone();
                    for id in ["_msg_id", "_unique_id"] {
                        put(&mut body, id, &Uuid::new_v4().simple().to_string());
                    }
                    let (options, properties) = (BasicPublishOptions::default(), sample.properties.clone());
                    let published =
                        channel.basic_publish(EXCHANGE.into(), topic.into(), options, &body, properties);
                    drop(published.await.unwrap());
                    sent += 1;
                }
                let reply = replies.next().await.expect("the connection is up").unwrap();
                assert!(reply.data.windows(RESULT.len()).any(|part| part == RESULT), "{:?}", reply.data);
                answered += 1;
            }
        });
        started.elapsed()
    }
}

/// Puts `value` in the place of the text under `key`, which is as long, at the top of a message in its envelope.
fn put(body: &mut [u8], key: &str, value: &str) {
    let marker = format!(r#"\"{key}\": \""#);
    let found = body.windows(marker.len()).position(|part| part == marker.as_bytes());
    let start = found.expect("Python writes it") + marker.len();
    body[start..start + value.len()].copy_from_slice(value.as_bytes());
}
