//! A transport that fails as often as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, Source, StatusWatch, Transport, async_trait,
};
use rpc_core::{Deadline, Error, MemoryTransport, MessageId, SharedTransport};
use tokio::time::Instant;

/// What was published, when, and how the next attempts fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    failures: Arc<Mutex<VecDeque<Error>>>,
    attempts: Arc<Mutex<Vec<(String, MessageId, Instant)>>>,
}

struct Flaky(SharedTransport, Script);

impl Script {
    /// A connection to the broker of `transport` that follows the script.
    pub(crate) fn connect(&self, transport: &MemoryTransport) -> SharedTransport {
        SharedTransport::new(Flaky(transport.broker().connect().into(), self.clone()))
    }

    pub(crate) fn fail(&self, failures: impl IntoIterator<Item = Error>) {
        self.failures.lock().unwrap().extend(failures);
    }

    /// Where each attempt went, and with which message.
    pub(crate) fn attempts(&self) -> Vec<(String, MessageId, Instant)> {
        self.attempts.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Flaky {
    async fn publish(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        if let Message::Notification(notification) = &message {
            let attempt = (destination.to_string(), notification.message_id.clone(), Instant::now());
            self.1.attempts.lock().unwrap().push(attempt);
        }
        if let Some(error) = self.1.failures.lock().unwrap().pop_front() {
            return Err(error);
        }
        self.0.transport().publish(destination, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.0.transport().consume(source, options).await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn status(&self) -> StatusWatch {
        self.0.status()
    }

    async fn close(&self, grace: Duration) {
        self.0.close(grace).await;
    }
}
