//! A consumer's channel: declared, limited, consuming.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::stream::{self, SelectAll};
use futures_util::{FutureExt, Stream, StreamExt};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use rpc_core::Position;

use super::acks::Frame;
use super::generation::Generation;
use super::task::{Sender, Sending};
use crate::declare::{declare, look_at, short};
use crate::library::{Channel, Delivery};
use crate::link::{Changes, Refusal, Session, limited};
use crate::topology::{Declaration, Plan, PlannedQueue};

/// What comes from the queue of an index, or why nothing more does: the queue was deleted, or the channel ended.
pub(super) type Incoming = Result<(usize, Delivery), String>;

type Deliveries = Pin<Box<dyn Stream<Item = Incoming> + Send>>;

/// A consumer's channel in one epoch.
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    pub(super) generation: Arc<Generation>,
    pub(super) queues: Vec<PlannedQueue>,
    /// What the queues are reached by.
    pub(super) declarations: Vec<Declaration>,
    pub(super) replies: bool,
    pub(super) incoming: SelectAll<Deliveries>,
    /// One that somebody else consumes and should not.
    pub(super) taken_queue: Option<String>,
    channel: Channel,
    tags: Vec<ShortString>,
}

impl Opened {
    /// Declares, limits the prefetch, and consumes; `patience` is how long the channel may be silent over one of its queues.
    pub(super) async fn open(
        session: Arc<Session>,
        plan: Plan,
        prefetch: u16,
        patience: Duration,
    ) -> Result<Self, Refusal> {
        let opened = Self::open_plan(Arc::clone(&session), plan, prefetch, patience).await;
        session.judged(opened)
    }

    async fn open_plan(
        session: Arc<Session>,
        plan: Plan,
        prefetch: u16,
        patience: Duration,
    ) -> Result<Self, Refusal> {
        let channel = session.channel().await?;
        declare(&session, &channel, &plan.declarations).await?;
        // Per consumer, since the kind that is shared by a channel is refused by newer brokers and quorum queues.
        let qos = channel.basic_qos(prefetch);
        limited("limit the prefetch", qos).await?;
        let mut opened = Self {
            session,
            generation: Arc::new(Generation::new(plan.replies)),
            queues: plan.queues,
            declarations: plan.declarations,
            replies: plan.replies,
            incoming: SelectAll::new(),
            taken_queue: None,
            channel,
            tags: Vec::new(),
        };
        for index in 0..opened.queues.len() {
            opened.consume(index, patience).await?;
            // Afterwards: of two that begin together at least one sees the other.
            if opened.queues[index].is_sole && opened.has_another_consumer(index).await? {
                opened.taken_queue = Some(opened.queues[index].name.clone());
            }
        }
        Ok(opened)
    }

    async fn has_another_consumer(&mut self, index: usize) -> Result<bool, Refusal> {
        let depth = look_at(&self.channel, &self.queues[index].name).await?;
        Ok(depth.consumers > 1)
    }

    async fn consume(&mut self, index: usize, patience: Duration) -> Result<(), Refusal> {
        let queue = short(&self.queues[index].name)?;
        // Unique within the channel is enough.
        let tag = short(&format!("rpc-{index}"))?;
        let mut arguments = FieldTable::default();
        if let Some(position) = self.queues[index].stream {
            arguments.insert(short("x-stream-offset")?, offset_argument(position));
        }
        if self.queues[index].cancels_on_failover {
            arguments.insert(short("x-cancel-on-ha-failover")?, AMQPValue::Boolean(true));
        }
        let command = self.channel.basic_consume(queue, tag.clone(), arguments);
        let Ok(consumer) = tokio::time::timeout(patience, limited("consume", command)).await else {
            // The channel is closed when the broker comes to that, and with it a consumer that comes to be all the same.
            return Err(Refusal::lost(format!("the broker did not let us consume within {patience:?}")));
        };
        let consumer = consumer?;
        let ended = Err("the broker cancelled the consumer".to_owned());
        let deliveries = consumer
            .map(move |delivery| match delivery {
                Ok(delivery) => Ok((index, delivery)),
                Err(error) => Err(Refusal::from_answer(&error).text),
            })
            .chain(stream::iter([ended]));
        self.incoming.push(Box::pin(deliveries));
        self.tags.push(tag);
        Ok(())
    }

    /// Why a delivery must not be handled, if it had to be changed to be readable at all. It is known only once.
    pub(super) fn defect(&self, tag: u64) -> Option<String> {
        self.session.findings().take(self.channel.id(), tag).map(Changes::reason)
    }

    /// Asks for nothing more, and gives what had been received by then.
    pub(super) async fn cancel(&mut self) -> Vec<(usize, Delivery)> {
        for tag in std::mem::take(&mut self.tags) {
            let cancel = self.channel.basic_cancel(tag);
            if let Err(refusal) = self.session.judged(limited("cancel a consumer", cancel).await) {
                tracing::debug!(cause = %refusal.text, "cannot cancel a consumer");
                break;
            }
        }
        let mut left = Vec::new();
        while let Some(Some(incoming)) = self.incoming.next().now_or_never() {
            if let Ok((queue, delivery)) = incoming {
                left.push((queue, delivery));
            }
        }
        left
    }

    /// Tells the broker what was decided.
    pub(super) fn sender(&self) -> Sender {
        let (channel, session) = (self.channel.clone(), Arc::clone(&self.session));
        Box::new(move |frames| send(&channel, &session, &frames))
    }

    /// Closes the channel; the broker takes back what is unsettled.
    pub(super) async fn close(self) {
        self.generation.end();
        for queue in self.queues.iter().filter(|queue| queue.ends_with_consumer) {
            let Ok(name) = short(&queue.name) else { continue };
            let deleted = limited("delete a queue", self.channel.queue_delete(name));
            if let Err(refusal) = self.session.judged(deleted.await) {
                tracing::debug!(queue = queue.name, cause = %refusal.text, "a queue stays until it expires");
                return;
            }
        }
        if let Ok(text) = short("bye") {
            let _ = self.session.judged(limited("close a channel", self.channel.close(200, text)).await);
        }
    }
}

/// Queues `frames` in order; the future ends when they were written.
fn send(channel: &Channel, session: &Arc<Session>, frames: &[Frame]) -> Sending {
    let queue = |frame: &Frame| match *frame {
        Frame::Ack { tag, multiple } => channel.basic_ack(tag, multiple),
        Frame::Requeue { tag } => channel.basic_nack(tag, false, true),
        Frame::Discard { tag } => channel.basic_nack(tag, false, false),
    };
    // The last one is written last.
    let last = frames.iter().try_fold(0, |_, frame| queue(frame));
    let (channel, session) = (channel.clone(), Arc::clone(session));
    Box::pin(async move {
        let written = async { channel.written(last?).await };
        session.judged(limited("settle deliveries", written).await)
    })
}

/// Where a stream is read from. A time is a count of seconds, and the broker begins with the batch that holds it.
fn offset_argument(position: Position) -> AMQPValue {
    let word = |text: &str| AMQPValue::LongString(LongString::from(text));
    match position {
        Position::Next => word("next"),
        Position::Time(time) => {
            AMQPValue::Timestamp(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
        }
        Position::Offset(offset) => AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX)),
        // Whatever else there may come to be, nothing is missed.
        _ => word("first"),
    }
}
