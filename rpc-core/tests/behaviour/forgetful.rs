//! A transport that says only whether a message was delivered before, as a classic queue of RabbitMQ does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::message::Message;
use rpc_core::transport::{
    Acknowledger, Capabilities, ConsumeOptions, Consumer, ConsumerWatch, Delivery, Destination, Settle,
    Settlement, Source, StatusWatch, Transport,
};
use rpc_core::{Deadline, Error, MemoryTransport, MessageId, SharedTransport};

/// What attempt each message was put into its queue as: of that alone a redelivery reminds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<HashMap<MessageId, u32>>>);

struct Forgetful(SharedTransport, Memory);

struct ForgetfulConsumer(Box<dyn Consumer>, Memory);

/// Hands the decision on.
struct Handed(Acknowledger);

impl Memory {
    /// A connection to the broker of `transport` whose deliveries are not counted.
    pub(crate) fn connect(&self, transport: &MemoryTransport) -> SharedTransport {
        SharedTransport::new(Forgetful(transport.broker().connect().into(), self.clone()))
    }

    fn forget(&self, delivery: Delivery) -> Delivery {
        let redelivered = delivery.is_redelivered();
        let (mut message, acknowledger) = delivery.into_parts();
        let counted = match &mut message {
            Ok(Message::Request(request)) => {
                let request = Arc::make_mut(request);
                Some((&request.message_id, &mut request.context.attempt))
            }
            Ok(Message::Notification(event)) => {
                let event = Arc::make_mut(event);
                Some((&event.message_id, &mut event.context.attempt))
            }
            Ok(Message::Reply(_)) | Err(_) => None,
        };
        if let Some((message_id, attempt)) = counted {
            let mut sent = self.0.lock().unwrap();
            if redelivered {
                *attempt = sent.get(message_id).map_or(*attempt, |sent| sent + 1);
            } else {
                sent.insert(message_id.clone(), *attempt);
            }
        }
        Delivery::new(message, redelivered, Box::new(Handed(acknowledger)))
    }
}

#[async_trait::async_trait]
impl Transport for Forgetful {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        self.0.transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        let consumer = self.0.transport().consume(source, options).await?;
        Ok(Box::new(ForgetfulConsumer(consumer, self.1.clone())))
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.redelivery_count = false;
        capabilities
    }

    fn status(&self) -> StatusWatch {
        self.0.status()
    }

    async fn close(&self, grace: Duration) {
        self.0.close(grace).await;
    }
}

#[async_trait::async_trait]
impl Consumer for ForgetfulConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.0.next().await?;
        Some(self.1.forget(delivery))
    }

    fn status(&self) -> ConsumerWatch {
        self.0.status()
    }

    async fn stop(&mut self) {
        self.0.stop().await;
    }

    async fn close(self: Box<Self>) {
        self.0.close().await;
    }
}

impl Settle for Handed {
    fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), Error> {
        self.0.settle(settlement)
    }
}
