//! A simulated channel.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use futures_util::Stream;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::sync::{mpsc, oneshot};

use super::{gone, heard};
use crate::connection::{Confirmation, Delivery, Depth, Place, Queued};
use crate::simulation::frame::{Done, Message, QueueArguments, Request};
use crate::simulation::world::World;
use crate::wire::Properties;

#[derive(Clone)]
pub(crate) struct Channel {
    world: World,
    connection: u64,
    number: u16,
    closer: Arc<Closer>,
    /// What may not be written yet, by its position.
    writing: Arc<Mutex<BTreeMap<u64, oneshot::Receiver<lapin::Result<()>>>>>,
}

/// Closes the channel, without waiting, when the last clone of it and its last consumer are dropped.
struct Closer {
    world: World,
    connection: u64,
    number: u16,
}

impl Channel {
    pub(super) fn new(world: World, connection: u64, number: u16) -> Self {
        let closer = Arc::new(Closer { world: world.clone(), connection, number });
        Self { world, connection, number, closer, writing: Arc::default() }
    }

    pub(crate) const fn id(&self) -> u16 {
        self.number
    }

    pub(crate) fn is_usable(&self) -> bool {
        let mut state = self.world.lock();
        state.end(self.connection).is_some_and(|end| end.channel_error(self.number).is_none())
    }

    pub(crate) async fn confirm_select(&self) -> lapin::Result<()> {
        self.ask(Request::ConfirmSelect).await.map(drop)
    }

    pub(crate) async fn exchange_declare(
        &self,
        exchange: ShortString,
        kind: ShortString,
        options: ExchangeDeclareOptions,
    ) -> lapin::Result<()> {
        let kind = match kind.as_str() {
            "topic" => "topic",
            "fanout" => "fanout",
            "direct" => "direct",
            _ => "headers",
        };
        let name = exchange.as_str().to_owned();
        self.ask(Request::DeclareExchange { name, kind, passive: options.passive }).await.map(drop)
    }

    pub(crate) async fn queue_declare(
        &self,
        queue: ShortString,
        options: QueueDeclareOptions,
        table: FieldTable,
    ) -> lapin::Result<Depth> {
        let QueueDeclareOptions { passive, durable, exclusive, auto_delete, .. } = options;
        let arguments = QueueArguments { passive, durable, exclusive, auto_delete, table };
        let name = queue.as_str().to_owned();
        let Done { messages, consumers } = self.ask(Request::DeclareQueue { name, arguments }).await?;
        Ok(Depth { ready: messages, consumers })
    }

    /// No queue that is simulated is deleted by its consumer.
    #[expect(clippy::unused_async, reason = "the real one's interface")]
    pub(crate) async fn queue_delete(&self, _: ShortString) -> lapin::Result<()> {
        Ok(())
    }

    pub(crate) async fn queue_bind(
        &self,
        queue: ShortString,
        exchange: ShortString,
        key: ShortString,
    ) -> lapin::Result<()> {
        let (queue, exchange) = (queue.as_str().to_owned(), exchange.as_str().to_owned());
        self.ask(Request::Bind { queue, exchange, key: key.as_str().to_owned() }).await.map(drop)
    }

    pub(crate) async fn basic_qos(&self, prefetch: u16) -> lapin::Result<()> {
        self.ask(Request::Qos { prefetch: prefetch.into() }).await.map(drop)
    }

    pub(crate) async fn basic_consume(
        &self,
        queue: ShortString,
        tag: ShortString,
        _: FieldTable,
    ) -> lapin::Result<impl Stream<Item = lapin::Result<Delivery>> + Send + use<>> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let (queue, tag) = (queue.as_str().to_owned(), tag.as_str().to_owned());
        if let Some(end) = self.world.lock().end(self.connection) {
            end.consume(self.number, tag.clone(), sender);
        }
        self.ask(Request::Consume { queue, tag, no_ack: false }).await?;
        let closer = Arc::clone(&self.closer);
        Ok(futures_util::stream::poll_fn(move |context| {
            let _ = &closer;
            receiver.poll_recv(context)
        }))
    }

    pub(crate) async fn basic_cancel(&self, tag: ShortString) -> lapin::Result<()> {
        let tag = tag.as_str().to_owned();
        let answer = self.ask(Request::Cancel { tag: tag.clone() }).await;
        if let Some(end) = self.world.lock().end(self.connection) {
            end.forget_consumer(self.number, &tag);
        }
        answer.map(drop)
    }

    /// Simulated brokers are asked for no single messages: every queue is empty to this.
    #[expect(clippy::unused_async, reason = "the real one's interface")]
    pub(crate) async fn basic_get(&self, _: ShortString) -> lapin::Result<Option<Delivery>> {
        Ok(None)
    }

    pub(crate) fn publish(
        &self,
        place: Place<'_>,
        properties: &Properties,
        body: &[u8],
    ) -> lapin::Result<Queued> {
        let message = Arc::new(Message {
            exchange: place.exchange.to_owned(),
            key: place.key.to_owned(),
            properties: properties.table(),
            body: Bytes::copy_from_slice(body),
        });
        let (sender, written) = oneshot::channel();
        let queued = self.world.act(|state| {
            let queued = match state.end(self.connection) {
                Some(end) => match end.channel_error(self.number) {
                    Some(error) => return Err(error),
                    None => end.publish(self.number),
                },
                None => return Err(gone()),
            };
            let request = Request::Publish { message, mandatory: place.mandatory };
            state.write(self.connection, self.number, request, sender);
            Ok(queued)
        })?;
        self.writing.lock().unwrap().insert(queued.position, written);
        Ok(queued)
    }

    pub(crate) fn position(&self) -> u64 {
        self.world.lock().end(self.connection).map_or(u64::MAX, |end| end.position())
    }

    pub(crate) async fn written(&self, position: u64) -> lapin::Result<()> {
        let written = {
            let mut writing = self.writing.lock().unwrap();
            let later = writing.split_off(&(position + 1));
            let written = writing.remove(&position);
            // What came before is written when this is.
            *writing = later;
            written
        };
        heard(written.expect("one waits for what was sent")).await
    }

    pub(crate) async fn confirmed(&self) -> lapin::Result<Vec<Confirmation>> {
        poll_fn(|context| {
            let mut state = self.world.lock();
            let Some(end) = state.end(self.connection) else { return Poll::Ready(Err(gone())) };
            end.take_confirmed(self.number, context.waker()).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    pub(crate) fn basic_ack(&self, tag: u64, multiple: bool) -> lapin::Result<u64> {
        self.tell(Request::Ack { tag, multiple })
    }

    pub(crate) fn basic_nack(&self, tag: u64, _: bool, _: bool) -> lapin::Result<u64> {
        self.tell(Request::Requeue { tag })
    }

    pub(crate) async fn close(&self, _: u16, _: ShortString) -> lapin::Result<()> {
        let answer = self.ask(Request::CloseChannel).await;
        if let Some(end) = self.world.lock().end(self.connection) {
            end.forget_channel(self.number);
        }
        answer.map(drop)
    }

    /// Sends what is not answered.
    fn tell(&self, request: Request) -> lapin::Result<u64> {
        let (sender, written) = oneshot::channel();
        let position = self.world.act(|state| {
            let end = state.end(self.connection).ok_or_else(gone)?;
            if let Some(error) = end.channel_error(self.number) {
                return Err(error);
            }
            let position = end.next_position();
            state.write(self.connection, self.number, request, sender);
            Ok(position)
        })?;
        self.writing.lock().unwrap().insert(position, written);
        Ok(position)
    }

    /// Sends what is answered.
    pub(super) async fn ask(&self, request: Request) -> lapin::Result<Done> {
        let answer = self.world.act(|state| {
            let (waiting, answer) = oneshot::channel();
            if let Some(end) = state.end(self.connection) {
                if let Some(error) = end.channel_error(self.number) {
                    return Err(error);
                }
                end.expect(self.number, waiting);
            }
            // Whoever waits for the answer learns from it that the connection has ended.
            let (written, _) = oneshot::channel();
            state.write(self.connection, self.number, request, written);
            Ok(answer)
        })?;
        heard(answer).await
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        let (connection, number) = (self.connection, self.number);
        if number == 0 {
            return;
        }
        self.world.act(|state| {
            if state.end(connection).is_some_and(|end| end.channel_error(number).is_none()) {
                state.write(connection, number, Request::CloseChannel, oneshot::channel().0);
                if let Some(end) = state.end(connection) {
                    end.forget_channel(number);
                }
            }
        });
    }
}
