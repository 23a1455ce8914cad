//! A channel of the simulated client library.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation, ExchangeKind};
use tokio::sync::{mpsc, oneshot};

use super::{Status, gone, heard};
use crate::simulation::frame::{Done, Message, QueueArguments, Request};
use crate::simulation::world::World;

#[derive(Clone)]
pub(crate) struct Channel {
    world: World,
    connection: u64,
    number: u16,
    closer: Arc<Closer>,
}

/// Closes the channel, without waiting, when the last clone of it and its last consumer are dropped.
struct Closer {
    world: World,
    connection: u64,
    number: u16,
}

/// What becomes of a message, once the broker has said it.
pub(crate) struct PublisherConfirm(oneshot::Receiver<lapin::Result<Confirmation>>);

impl Channel {
    pub(super) fn new(world: World, connection: u64, number: u16) -> Self {
        let closer = Arc::new(Closer { world: world.clone(), connection, number });
        Self { world, connection, number, closer }
    }

    pub(crate) const fn id(&self) -> u16 {
        self.number
    }

    pub(crate) fn status(&self) -> Status {
        let mut state = self.world.lock();
        Status(state.end(self.connection).is_some_and(|end| end.channel_error(self.number).is_none()))
    }

    pub(crate) async fn confirm_select(&self, _: ConfirmSelectOptions) -> lapin::Result<()> {
        self.ask(Request::ConfirmSelect).await.map(drop)
    }

    pub(crate) async fn exchange_declare(
        &self,
        exchange: ShortString,
        kind: ExchangeKind,
        options: ExchangeDeclareOptions,
        _: FieldTable,
    ) -> lapin::Result<()> {
        let kind = match kind {
            ExchangeKind::Topic => "topic",
            ExchangeKind::Fanout => "fanout",
            ExchangeKind::Direct => "direct",
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
    ) -> lapin::Result<Done> {
        let QueueDeclareOptions { passive, durable, exclusive, auto_delete, .. } = options;
        let arguments = QueueArguments { passive, durable, exclusive, auto_delete, table };
        self.ask(Request::DeclareQueue { name: queue.as_str().to_owned(), arguments }).await
    }

    /// No queue that is simulated is deleted by its consumer.
    pub(crate) async fn queue_delete(&self, _: ShortString, _: QueueDeleteOptions) -> lapin::Result<u32> {
        Ok(0)
    }

    pub(crate) async fn queue_bind(
        &self,
        queue: ShortString,
        exchange: ShortString,
        key: ShortString,
        _: QueueBindOptions,
        _: FieldTable,
    ) -> lapin::Result<()> {
        let (queue, exchange) = (queue.as_str().to_owned(), exchange.as_str().to_owned());
        self.ask(Request::Bind { queue, exchange, key: key.as_str().to_owned() }).await.map(drop)
    }

    pub(crate) async fn basic_qos(&self, prefetch: u16, _: BasicQosOptions) -> lapin::Result<()> {
        self.ask(Request::Qos { prefetch: prefetch.into() }).await.map(drop)
    }

    pub(crate) async fn basic_consume(
        &self,
        queue: ShortString,
        tag: ShortString,
        options: BasicConsumeOptions,
        _: FieldTable,
    ) -> lapin::Result<impl Stream<Item = lapin::Result<Delivery>> + Send + use<>> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let (queue, tag) = (queue.as_str().to_owned(), tag.as_str().to_owned());
        if let Some(end) = self.world.lock().end(self.connection) {
            end.consume(self.number, tag.clone(), sender);
        }
        self.ask(Request::Consume { queue, tag, no_ack: options.no_ack }).await?;
        let closer = Arc::clone(&self.closer);
        Ok(futures_util::stream::poll_fn(move |context| {
            let _ = &closer;
            receiver.poll_recv(context)
        }))
    }

    pub(crate) async fn basic_cancel(&self, tag: ShortString, _: BasicCancelOptions) -> lapin::Result<()> {
        let tag = tag.as_str().to_owned();
        let answer = self.ask(Request::Cancel { tag: tag.clone() }).await;
        if let Some(end) = self.world.lock().end(self.connection) {
            end.forget_consumer(self.number, &tag);
        }
        answer.map(drop)
    }

    /// Simulated brokers are asked for no single messages: every queue is empty to this.
    #[expect(clippy::unused_async, reason = "the library's interface")]
    pub(crate) async fn basic_get(
        &self,
        _: ShortString,
        _: BasicGetOptions,
    ) -> lapin::Result<Option<BasicGetMessage>> {
        Ok(None)
    }

    pub(crate) async fn basic_publish(
        &self,
        exchange: ShortString,
        key: ShortString,
        options: BasicPublishOptions,
        body: &[u8],
        properties: BasicProperties,
    ) -> lapin::Result<PublisherConfirm> {
        let message = Arc::new(Message {
            exchange: exchange.as_str().to_owned(),
            key: key.as_str().to_owned(),
            properties,
            body: Bytes::copy_from_slice(body),
        });
        let (waiting, confirm) = oneshot::channel();
        let written = self.world.act(|state| {
            let (number, written) = (self.number, oneshot::channel());
            if let Some(end) = state.end(self.connection) {
                if let Some(error) = end.channel_error(number) {
                    return Err(error);
                }
                end.publish(number, waiting);
            }
            let request = Request::Publish { message, mandatory: options.mandatory };
            state.write(self.connection, number, request, written.0);
            Ok(written.1)
        })?;
        heard(written).await?;
        Ok(PublisherConfirm(confirm))
    }

    pub(crate) async fn basic_ack(&self, tag: u64, options: BasicAckOptions) -> lapin::Result<()> {
        self.tell(Request::Ack { tag, multiple: options.multiple }).await
    }

    pub(crate) async fn basic_nack(&self, tag: u64, _: BasicNackOptions) -> lapin::Result<()> {
        self.tell(Request::Requeue { tag }).await
    }

    pub(crate) async fn close(&self, _: u16, _: ShortString) -> lapin::Result<()> {
        let answer = self.ask(Request::CloseChannel).await;
        if let Some(end) = self.world.lock().end(self.connection) {
            end.forget_channel(self.number);
        }
        answer.map(drop)
    }

    /// Sends what is not answered; resolves when it is written.
    async fn tell(&self, request: Request) -> lapin::Result<()> {
        let written = self.world.act(|state| {
            if let Some(error) = state.end(self.connection).and_then(|end| end.channel_error(self.number)) {
                return Err(error);
            }
            let (sender, written) = oneshot::channel();
            state.write(self.connection, self.number, request, sender);
            Ok(written)
        })?;
        heard(written).await
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

impl Future for PublisherConfirm {
    type Output = lapin::Result<Confirmation>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|heard| heard.unwrap_or_else(|_| Err(gone())))
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
