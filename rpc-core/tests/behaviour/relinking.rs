//! A transport whose consumers can be made to lose their link: what is unsettled then comes again, here or elsewhere.

use std::time::Duration;

use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, ConsumerReporter, ConsumerStatus, ConsumerWatch, Delivery,
    Destination, Source, StatusWatch, Transport,
};
use rpc_core::{Deadline, Error, MemoryTransport, SharedTransport};
use tokio::sync::watch;

use crate::support::settle;

/// Cuts the links of the consumers of its transport.
pub(crate) struct Cutter(watch::Sender<u64>);

struct Relinking {
    inner: SharedTransport,
    cuts: watch::Receiver<u64>,
}

struct RelinkingConsumer {
    /// Nothing after it was stopped.
    inner: Option<Box<dyn Consumer>>,
    transport: SharedTransport,
    source: Source,
    options: ConsumeOptions,
    cuts: watch::Receiver<u64>,
}

/// A connection to the broker of `transport`, and what cuts it.
pub(crate) fn relinking(transport: &MemoryTransport) -> (SharedTransport, Cutter) {
    let (sender, cuts) = watch::channel(0);
    let inner = transport.broker().connect().into();
    (SharedTransport::new(Relinking { inner, cuts }), Cutter(sender))
}

impl Cutter {
    /// Cuts, and lets the consumers come back.
    pub(crate) async fn cut(&self) {
        self.0.send_modify(|cuts| *cuts += 1);
        settle().await;
    }
}

#[async_trait::async_trait]
impl Transport for Relinking {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        self.inner.transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        let inner = Some(self.inner.transport().consume(source.clone(), options).await?);
        let (transport, cuts) = (self.inner.clone(), self.cuts.clone());
        Ok(Box::new(RelinkingConsumer { inner, transport, source, options, cuts }))
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn status(&self) -> StatusWatch {
        self.inner.status()
    }

    async fn close(&self, grace: Duration) {
        self.inner.close(grace).await;
    }
}

#[async_trait::async_trait]
impl Consumer for RelinkingConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let inner = self.inner.as_mut()?;
            tokio::select! {
                biased;
                Ok(()) = self.cuts.changed() => {
                    self.inner = None;
                    let again = self.transport.transport().consume(self.source.clone(), self.options);
                    self.inner = Some(again.await.unwrap());
                }
                delivery = inner.next() => return delivery,
            }
        }
    }

    fn status(&self) -> ConsumerWatch {
        ConsumerReporter::new(ConsumerStatus::CONSUMING).watch()
    }

    async fn stop(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.stop().await;
        }
    }

    async fn close(self: Box<Self>) {
        if let Some(inner) = self.inner {
            inner.close().await;
        }
    }
}
