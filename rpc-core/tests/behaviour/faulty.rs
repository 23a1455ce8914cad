//! A transport whose link is bad, in the ways that tests need.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, ConsumerWatch, Delivery, Destination, Source, StatusWatch,
    Transport,
};
use rpc_core::{Code, Deadline, Error, Executed, MemoryTransport, SharedTransport};

/// What becomes of a publish.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Publish {
    Hangs,
    /// Arrives, and the link breaks before the confirm.
    ArrivesUnconfirmed,
    /// Arrives, and the confirm never comes.
    ArrivesAndHangs,
    FailsReplies,
    /// The link breaks under the first three replies, which do not arrive.
    LosesReplies,
    /// The link breaks under the first two requests, which do not arrive.
    LosesRequests,
    /// The queue takes none of the first three requests.
    RefusesRequests,
    /// Requests are confirmed and go nowhere.
    Swallows,
    /// The first request arrives, and its link breaks before the confirm. There is no link for those after it.
    ArrivesOnce,
}

/// A memory transport whose link is bad.
struct Faulty {
    inner: SharedTransport,
    publish: Publish,
    seen: Arc<Seen>,
}

/// What a test sees of a bad link.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Consumers that were closed.
    pub(crate) closed: AtomicUsize,
    /// Bodies of requests that went nowhere.
    pub(crate) swallowed: Mutex<Vec<Bytes>>,
    lost: AtomicUsize,
}

struct Counted(Box<dyn Consumer>, Arc<Seen>);

pub(crate) fn faulty(inner: &MemoryTransport, publish: Publish) -> SharedTransport {
    watched(inner, publish).0
}

/// As [`faulty`], and what is to be seen of it.
pub(crate) fn watched(inner: &MemoryTransport, publish: Publish) -> (SharedTransport, Arc<Seen>) {
    let (inner, seen) = (inner.as_ref().clone(), Arc::new(Seen::default()));
    (SharedTransport::new(Faulty { inner, publish, seen: Arc::clone(&seen) }), seen)
}

fn broken() -> Error {
    Error::new(Code::Unavailable, "the link broke")
}

#[async_trait::async_trait]
impl Transport for Faulty {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        if let (Publish::Swallows, Message::Request(request)) = (self.publish, &message) {
            self.seen.swallowed.lock().unwrap().push(request.arguments.body.clone());
            return Ok(());
        }
        let arrives = self.inner.transport().publish(to, message, deadline);
        match (self.publish, to) {
            (Publish::Hangs, _) => std::future::pending().await,
            (Publish::ArrivesOnce, _) if self.seen.lost.fetch_add(1, Ordering::Relaxed) > 0 => {
                Err(broken().with_executed(Executed::NotSent))
            }
            (Publish::ArrivesUnconfirmed | Publish::ArrivesOnce, _) => arrives.await.and(Err(broken())),
            (Publish::ArrivesAndHangs, _) => {
                arrives.await?;
                std::future::pending().await
            }
            (Publish::FailsReplies, Destination::Reply(_)) => Err(broken()),
            (Publish::LosesReplies, Destination::Reply(_))
                if self.seen.lost.fetch_add(1, Ordering::Relaxed) < 3 =>
            {
                Err(broken())
            }
            (Publish::LosesRequests, Destination::Request(_))
                if self.seen.lost.fetch_add(1, Ordering::Relaxed) < 2 =>
            {
                Err(broken())
            }
            (Publish::RefusesRequests, Destination::Request(_))
                if self.seen.lost.fetch_add(1, Ordering::Relaxed) < 3 =>
            {
                Err(Error::new(Code::Overloaded, "the queue is full").with_executed(Executed::NotSent))
            }
            _ => arrives.await,
        }
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        let consumer = self.inner.transport().consume(source, options).await?;
        Ok(Box::new(Counted(consumer, Arc::clone(&self.seen))))
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
impl Consumer for Counted {
    async fn next(&mut self) -> Option<Delivery> {
        self.0.next().await
    }

    fn status(&self) -> ConsumerWatch {
        self.0.status()
    }

    async fn stop(&mut self) {
        self.0.stop().await;
    }

    async fn close(self: Box<Self>) {
        self.1.closed.fetch_add(1, Ordering::Relaxed);
        self.0.close().await;
    }
}
