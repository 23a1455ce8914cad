//! The server by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};
use uuid::Uuid;

use super::{
    EVENTS, EXPIRATION, FANOUT, bind, collector, connect, consuming, declare_queue, name, publish, publishing,
};
use crate::command::{Manner, Side};
use crate::role::FANOUT_SERVERS;

pub(crate) struct HandServer {
    side: Side,
    connection: Connection,
}

/// One consumer, and where its answers go.
#[derive(Clone)]
struct Worker {
    side: Side,
    consuming: Channel,
    publishing: Channel,
    count: Arc<AtomicU64>,
}

impl HandServer {
    pub(crate) async fn start(url: &str, side: Side, count: Arc<AtomicU64>) -> Self {
        let connection = connect(url).await;
        let publishing = publishing(&connection, side).await;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let worker = async || Worker {
            side,
            consuming: consuming(&connection).await,
            publishing: publishing.clone(),
            count: Arc::clone(&count),
        };

        let (worker_of_all, queue) = (worker().await, name(side, "work"));
        declare_queue(&worker_of_all.consuming, &queue, durable).await;
        worker_of_all.start(&queue).await;

        for number in 0..FANOUT_SERVERS {
            let (worker, queue) = (worker().await, name(side, &format!("{FANOUT}.{number}")));
            declare_queue(&worker.consuming, &queue, exclusive).await;
            bind(&worker.consuming, &name(side, FANOUT), ExchangeKind::Fanout, &queue).await;
            worker.start(&queue).await;
        }

        let events = name(side, EVENTS);
        declare_queue(&publishing, &events, durable).await;
        bind(&publishing, &events, ExchangeKind::Topic, &events).await;
        Self { side, connection }
    }

    pub(crate) async fn collect(&self, count: u64, manner: Manner) -> Duration {
        collector::collect(consuming(&self.connection).await, &name(self.side, EVENTS), count, manner).await
    }
}

impl Worker {
    async fn start(self, queue: &str) {
        let options = BasicConsumeOptions::default();
        let consumer = self.consuming.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        let mut consumer = consumer.await.unwrap();
        tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                tokio::spawn(self.clone().work(delivery));
            }
        });
    }

    async fn work(self, delivery: Delivery) {
        let properties = &delivery.properties;
        let (Some(reply_to), Some(id)) = (properties.reply_to(), properties.correlation_id()) else {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.ack(&delivery).await;
            return;
        };
        self.ack(&delivery).await;
        let is_equal = self.side == Side::Equal;
        let mut answer = BasicProperties::default().with_correlation_id(id.clone());
        if is_equal {
            let id = Uuid::new_v4().simple().to_string();
            answer = answer.with_message_id(id.into()).with_expiration(EXPIRATION.into());
        }
        publish(&self.publishing, "", reply_to.as_str(), is_equal, &delivery.data, answer).await;
    }

    async fn ack(&self, delivery: &Delivery) {
        // Not by the delivery's own acknowledger, which takes two more hops between tasks.
        self.consuming.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.unwrap();
    }
}
