//! A channel, as this crate uses it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use amq_protocol::protocol::basic::{self, AMQPMethod as Basic};
use amq_protocol::protocol::confirm::{self, AMQPMethod as Confirm};
use amq_protocol::protocol::exchange::{self, AMQPMethod as OfExchange};
use amq_protocol::protocol::queue::{self, AMQPMethod as OfQueue};
use amq_protocol::protocol::{AMQPClass, channel};
use futures_util::Stream;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::sync::{mpsc, oneshot};

use super::inbox::unreadable;
use super::known::{Answer, closed};
use super::message::{Confirmation, Delivery, Depth};
use super::outbox::Place;
use super::shared::Shared;
use crate::wire::Properties;

/// A channel. Cheap to clone; it is closed, without a wait, when the last clone and the last stream of it are dropped.
///
/// What is sent is queued at once and in order, whoever sends it, and written by the connection's task. Futures wait for
/// the answer, or for the octets to be written; dropping one takes nothing back.
#[derive(Clone, Debug)]
pub(crate) struct Channel(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    shared: Shared,
    number: u16,
}

/// A message that was queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Queued {
    /// Its number in the order of publishing on the channel, from 1.
    pub(crate) tag: u64,
    /// How many octets the connection has written with the last of it.
    pub(crate) position: u64,
}

impl Channel {
    /// Opens a channel.
    pub(super) async fn open(shared: Shared) -> lapin::Result<Self> {
        let number = shared.lock().add_channel()?;
        let this = Self(Arc::new(Owned { shared, number }));
        let open = channel::AMQPMethod::Open(channel::Open {});
        match this.ask(AMQPClass::Channel(open)).await? {
            AMQPClass::Channel(channel::AMQPMethod::OpenOk(_)) => Ok(this),
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn id(&self) -> u16 {
        self.0.number
    }

    /// Whether something can be sent on it.
    pub(crate) fn is_usable(&self) -> bool {
        self.0.shared.lock().channel(self.0.number).is_ok()
    }

    pub(crate) async fn confirm_select(&self) -> lapin::Result<()> {
        let select = Confirm::Select(confirm::Select { nowait: false });
        match self.ask(AMQPClass::Confirm(select)).await? {
            AMQPClass::Confirm(Confirm::SelectOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn exchange_declare(
        &self,
        exchange: ShortString,
        kind: ShortString,
        options: ExchangeDeclareOptions,
    ) -> lapin::Result<()> {
        let ExchangeDeclareOptions { passive, durable, auto_delete, internal, .. } = options;
        let (nowait, arguments) = (false, FieldTable::default());
        let declare =
            exchange::Declare { exchange, kind, passive, durable, auto_delete, internal, nowait, arguments };
        match self.ask(AMQPClass::Exchange(OfExchange::Declare(declare))).await? {
            AMQPClass::Exchange(OfExchange::DeclareOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn queue_declare(
        &self,
        queue: ShortString,
        options: QueueDeclareOptions,
        arguments: FieldTable,
    ) -> lapin::Result<Depth> {
        let QueueDeclareOptions { passive, durable, exclusive, auto_delete, .. } = options;
        let nowait = false;
        let declare = queue::Declare { queue, passive, durable, exclusive, auto_delete, nowait, arguments };
        match self.ask(AMQPClass::Queue(OfQueue::Declare(declare))).await? {
            AMQPClass::Queue(OfQueue::DeclareOk(queue::DeclareOk {
                message_count, consumer_count, ..
            })) => Ok(Depth { ready: message_count, consumers: consumer_count }),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn queue_delete(&self, queue: ShortString) -> lapin::Result<()> {
        let delete = queue::Delete { queue, if_unused: false, if_empty: false, nowait: false };
        match self.ask(AMQPClass::Queue(OfQueue::Delete(delete))).await? {
            AMQPClass::Queue(OfQueue::DeleteOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    pub(crate) async fn queue_bind(
        &self,
        queue: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
    ) -> lapin::Result<()> {
        let (nowait, arguments) = (false, FieldTable::default());
        let bind = queue::Bind { queue, exchange, routing_key, nowait, arguments };
        match self.ask(AMQPClass::Queue(OfQueue::Bind(bind))).await? {
            AMQPClass::Queue(OfQueue::BindOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Limits what each consumer of the channel may have unsettled.
    pub(crate) async fn basic_qos(&self, prefetch_count: u16) -> lapin::Result<()> {
        let qos = Basic::Qos(basic::Qos { prefetch_count, global: false });
        match self.ask(AMQPClass::Basic(qos)).await? {
            AMQPClass::Basic(Basic::QosOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// What comes from a queue. The stream ends when the broker delivers nothing more, and with an error when the channel
    /// ends. It has no bound but the prefetch.
    pub(crate) async fn basic_consume(
        &self,
        queue: ShortString,
        consumer_tag: ShortString,
        arguments: FieldTable,
    ) -> lapin::Result<impl Stream<Item = lapin::Result<Delivery>> + Send + use<>> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        // Before the broker is asked, since deliveries may come with its answer.
        self.0.shared.lock().channel(self.0.number)?.0.consume(consumer_tag.clone(), sender);
        let (no_local, no_ack, exclusive, nowait) = (false, false, false, false);
        let consume = basic::Consume { queue, consumer_tag, no_local, no_ack, exclusive, nowait, arguments };
        let AMQPClass::Basic(Basic::ConsumeOk(_)) =
            self.ask(AMQPClass::Basic(Basic::Consume(consume))).await?
        else {
            return Err(unexpected());
        };
        let this = self.clone();
        Ok(futures_util::stream::poll_fn(move |context| {
            let _ = &this;
            receiver.poll_recv(context)
        }))
    }

    /// Ends the stream of a consumer, behind all that was delivered.
    pub(crate) async fn basic_cancel(&self, consumer_tag: ShortString) -> lapin::Result<()> {
        let cancel = Basic::Cancel(basic::Cancel { consumer_tag, nowait: false });
        match self.ask(AMQPClass::Basic(cancel)).await? {
            AMQPClass::Basic(Basic::CancelOk(_)) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Takes a message from a queue, if there is one.
    pub(crate) async fn basic_get(&self, queue: ShortString) -> lapin::Result<Option<Delivery>> {
        let get = Basic::Get(basic::Get { queue, no_ack: false });
        match self.answer(AMQPClass::Basic(get)).await? {
            Answer::Message(delivery) => Ok(Some(*delivery)),
            Answer::Method(AMQPClass::Basic(Basic::GetEmpty(_))) => Ok(None),
            Answer::Method(_) => Err(unexpected()),
        }
    }

    /// Queues a message. An error says that nothing of it was.
    pub(crate) fn publish(
        &self,
        place: Place<'_>,
        properties: &Properties,
        body: &[u8],
    ) -> lapin::Result<Queued> {
        self.0.shared.act(|state| {
            let (known, outbox) = state.channel(self.0.number)?;
            let position = outbox.publish(self.0.number, place, properties, body)?;
            Ok(Queued { tag: known.publish(), position })
        })
    }

    /// How many octets the connection has written: those of all messages up to this position.
    pub(crate) fn position(&self) -> u64 {
        self.0.shared.lock().written()
    }

    /// Waits until everything up to `position` was written.
    pub(crate) async fn written(&self, position: u64) -> lapin::Result<()> {
        poll_fn(|context| {
            let written = self.0.shared.lock().is_written(position, context.waker());
            written.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// All confirms that have come since this was asked last, in order and at least one; or why there will be none. One
    /// waits at a time. Dropping the future loses nothing.
    pub(crate) async fn confirmed(&self) -> lapin::Result<Vec<Confirmation>> {
        poll_fn(|context| {
            let mut state = self.0.shared.lock();
            let Some(known) = state.known(self.0.number) else { return Poll::Ready(Err(closed())) };
            known.take_confirmed(context.waker()).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Queues that a delivery is settled, or all up to it; gives the position that says when it was written.
    pub(crate) fn basic_ack(&self, delivery_tag: u64, multiple: bool) -> lapin::Result<u64> {
        self.tell(Basic::Ack(basic::Ack { delivery_tag, multiple }))
    }

    /// Queues that a delivery is given back, or all up to it; gives the position that says when it was written.
    pub(crate) fn basic_nack(&self, delivery_tag: u64, multiple: bool, requeue: bool) -> lapin::Result<u64> {
        self.tell(Basic::Nack(basic::Nack { delivery_tag, multiple, requeue }))
    }

    pub(crate) async fn close(&self, code: u16, text: ShortString) -> lapin::Result<()> {
        let (waiting, answer) = oneshot::channel();
        self.0
            .shared
            .act(|state| state.close_channel(self.0.number, code, text).map(|known| known.expect(waiting)))?;
        heard(answer).await.map(drop)
    }

    fn tell(&self, method: Basic) -> lapin::Result<u64> {
        self.0.shared.act(|state| {
            let (_, outbox) = state.channel(self.0.number)?;
            outbox.method(self.0.number, AMQPClass::Basic(method))
        })
    }

    async fn ask(&self, method: AMQPClass) -> lapin::Result<AMQPClass> {
        match self.answer(method).await? {
            Answer::Method(answer) => Ok(answer),
            Answer::Message(_) => Err(unexpected()),
        }
    }

    async fn answer(&self, method: AMQPClass) -> lapin::Result<Answer> {
        let (waiting, answer) = oneshot::channel();
        self.0.shared.act(|state| {
            let (known, outbox) = state.channel(self.0.number)?;
            outbox.method(self.0.number, method)?;
            known.expect(waiting);
            lapin::Result::Ok(())
        })?;
        heard(answer).await
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.shared.act(|state| state.abandon(self.number));
    }
}

/// The answer to somebody who waits, or that the wait is over because the connection is.
pub(super) async fn heard(answer: oneshot::Receiver<lapin::Result<Answer>>) -> lapin::Result<Answer> {
    answer.await.unwrap_or_else(|_| Err(gone()))
}

/// The error of everything on a connection that is gone.
pub(super) fn gone() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()
}

fn unexpected() -> lapin::Error {
    unreadable("it answers something else than it was asked")
}
