//! Calls while their way back is away, and after it was lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rpc_core::message::Message;
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, ConsumerReporter, ConsumerStatus, ConsumerWatch, Delivery,
    Destination, Source, StatusWatch, Transport,
};
use rpc_core::{Code, Deadline, Error, Executed, Health, MemoryTransport, SharedTransport};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::support::{WorkClient, Worker, builder, one_server, settle, target};

const SECOND: Duration = Duration::from_secs(1);

/// A memory transport whose consumers are as well as the test says.
struct Ailing {
    inner: SharedTransport,
    ailment: Arc<Ailment>,
}

struct Ailment {
    status: ConsumerReporter,
    /// Ends the consumer that takes replies in.
    end: Notify,
    reply_addresses: AtomicUsize,
    /// Whether the queue takes no requests.
    is_full: AtomicBool,
    /// How late callers hear that their requests have left.
    lateness: OnceLock<Duration>,
}

struct Patient(Box<dyn Consumer>, Arc<Ailment>);

fn ailing(inner: &MemoryTransport) -> (SharedTransport, Arc<Ailment>) {
    let ailment = Arc::new(Ailment {
        status: ConsumerReporter::new(ConsumerStatus::CONSUMING),
        end: Notify::new(),
        reply_addresses: AtomicUsize::new(0),
        is_full: AtomicBool::new(false),
        lateness: OnceLock::new(),
    });
    let inner = inner.as_ref().clone();
    (SharedTransport::new(Ailing { inner, ailment: Arc::clone(&ailment) }), ailment)
}

#[async_trait::async_trait]
impl Transport for Ailing {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        if matches!(to, Destination::Request(_)) && self.ailment.is_full.load(Ordering::Relaxed) {
            return Err(Error::new(Code::Overloaded, "the queue is full").with_executed(Executed::NotSent));
        }
        self.inner.transport().publish(to, message, deadline).await
    }

    async fn publish_quietly(
        &self,
        to: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.publish(to, message, deadline).await?;
        tokio::time::sleep(self.ailment.lateness.get().copied().unwrap_or_default()).await;
        Ok(())
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        if matches!(source, Source::Replies(_)) {
            self.ailment.reply_addresses.fetch_add(1, Ordering::Relaxed);
        }
        let consumer = self.inner.transport().consume(source, options).await?;
        Ok(Box::new(Patient(consumer, Arc::clone(&self.ailment))))
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
impl Consumer for Patient {
    async fn next(&mut self) -> Option<Delivery> {
        tokio::select! {
            delivery = self.0.next() => delivery,
            () = self.1.end.notified() => None,
        }
    }

    fn status(&self) -> ConsumerWatch {
        self.1.status.watch()
    }

    async fn stop(&mut self) {
        self.0.stop().await;
    }

    async fn close(self: Box<Self>) {
        self.0.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_until_its_reply_can_come() {
    let (_, worker, _server, transport) = one_server().await;
    let (bad, ailment) = ailing(&transport);
    let work = WorkClient::new(&bad, target());
    assert_eq!(work.double(1).await.unwrap(), 2);

    ailment.status.update(|status| status.degraded("the queue is locked"));
    let started = Instant::now();
    let error = work.double(2).timeout(SECOND).await.unwrap_err();
    let error = error.rpc().unwrap();
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::NotSent));
    assert!(error.message().contains("the queue is locked"), "{error}");
    assert!(started.elapsed() <= SECOND + Duration::from_millis(250), "{:?}", started.elapsed());

    let patient = tokio::spawn(work.double(3).timeout(60 * SECOND).into_future());
    settle().await;
    ailment.status.update(ConsumerStatus::consuming);
    assert_eq!(patient.await.unwrap().unwrap(), 6);
    assert_eq!(worker.lines(), ["double 1", "double 3"]);
    assert_eq!(bad.pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_queue_fails_the_calls_that_waited_on_it_at_once_and_no_other() {
    let (_, worker, _server, transport) = one_server().await;
    let (bad, ailment) = ailing(&transport);
    let work = WorkClient::new(&bad, target());
    let waits = |name: &str| tokio::spawn(work.wait(name.to_owned()).timeout(60 * SECOND).into_future());
    let sent = waits("sent");
    settle().await;
    ailment.status.update(|status| status.degraded("the link is down"));
    let unsent = waits("unsent");
    settle().await;

    let lost = Instant::now();
    ailment.status.update(ConsumerStatus::after_loss);
    let error = sent.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.rpc().unwrap().executed()), (Code::ReplyLost, Executed::Unknown));
    assert_eq!(lost.elapsed(), Duration::ZERO);

    ailment.status.update(ConsumerStatus::consuming);
    worker.permits.add_permits(3);
    assert_eq!(unsent.await.unwrap().unwrap(), "unsent");
    assert_eq!(waits("later").await.unwrap().unwrap(), "later");
    assert_eq!(bad.pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reply_queue_that_is_lost_before_the_caller_knows_that_the_request_left_fails_it_too() {
    let (_, _, _server, transport) = one_server().await;
    let (bad, ailment) = ailing(&transport);
    ailment.lateness.set(Duration::from_millis(90)).unwrap();
    let work = WorkClient::new(&bad, target());
    let sent = tokio::spawn(work.wait("sent".to_owned()).timeout(60 * SECOND).into_future());
    settle().await;
    ailment.status.update(ConsumerStatus::after_loss);
    let error = tokio::time::timeout(SECOND, sent).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.code(), error.rpc().unwrap().executed()), (Code::ReplyLost, Executed::Unknown));
    // The next one leaves after that, and finds its way back however long its handler takes.
    let next = tokio::spawn(work.wait("next".to_owned()).timeout(SECOND).into_future());
    let error = next.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn replies_find_another_address_when_nobody_can_listen_at_the_first() {
    let (_, _, _server, transport) = one_server().await;
    let (bad, ailment) = ailing(&transport);
    let work = WorkClient::new(&bad, target());
    let waiting = tokio::spawn(work.wait("x".to_owned()).timeout(60 * SECOND).into_future());
    settle().await;
    ailment.end.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::ReplyLost);
    assert_eq!(work.double(1).timeout(SECOND).await.unwrap(), 2);
    assert_eq!(ailment.reply_addresses.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_refused_so_far_does_not_mind_the_loss_of_its_reply_queue() {
    let (_, worker, _server, transport) = one_server().await;
    let (bad, ailment) = ailing(&transport);
    let work = WorkClient::new(&bad, target());
    ailment.is_full.store(true, Ordering::Relaxed);
    let refused = tokio::spawn(work.double(1).timeout(60 * SECOND).into_future());
    settle().await;
    ailment.status.update(|status| status.degraded("the link is down"));
    settle().await;
    ailment.status.update(ConsumerStatus::after_loss);
    ailment.is_full.store(false, Ordering::Relaxed);
    tokio::time::sleep(SECOND).await;
    assert!(worker.lines().is_empty(), "its reply could not come yet");
    ailment.status.update(ConsumerStatus::consuming);
    assert_eq!(refused.await.unwrap().unwrap(), 2);

    ailment.is_full.store(true, Ordering::Relaxed);
    let refused = tokio::spawn(work.double(2).timeout(60 * SECOND).into_future());
    settle().await;
    ailment.status.update(|status| status.degraded("its node is down"));
    ailment.end.notify_one();
    ailment.is_full.store(false, Ordering::Relaxed);
    settle().await;
    ailment.status.update(ConsumerStatus::consuming);
    assert_eq!(refused.await.unwrap().unwrap(), 4, "there is another reply queue");
    assert_eq!(ailment.reply_addresses.load(Ordering::Relaxed), 2);
    assert_eq!(bad.pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_knows_how_it_is() {
    let transport = MemoryTransport::new();
    let (bad, ailment) = ailing(&transport);
    let server = builder(&bad, "a", &Worker::new()).start().await.unwrap();
    let health = server.health();
    assert_eq!(health.now(), Health::Consuming);
    ailment.status.update(|status| status.degraded("404"));
    let now = health.now();
    assert!(!now.is_ready() && now.to_string().contains("requests to "), "{now}");
    assert!(now.to_string().contains("404"), "{now}");
    ailment.status.update(ConsumerStatus::consuming);
    let work = WorkClient::new(&transport, target());
    work.note("long".to_owned()).await.unwrap();
    settle().await;
    let stopping = tokio::spawn(server.shutdown(SECOND));
    settle().await;
    assert_eq!(health.now(), Health::Draining);
    stopping.await.unwrap();
    ailment.status.update(ConsumerStatus::stopped);
    assert_eq!(health.now(), Health::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_draining_until_its_last_request_has_ended() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let mut health = server.health();
    let long = tokio::spawn(WorkClient::new(&transport, target()).wait("long".to_owned()).into_future());
    settle().await;
    let stopping = tokio::spawn(server.shutdown(60 * SECOND));
    tokio::time::sleep(SECOND).await;
    // By now its consumers have stopped.
    assert_eq!(health.now(), Health::Draining);
    let mut closed = std::pin::pin!(health.wait_for(|health| *health == Health::Closed));
    assert!(tokio::time::timeout(SECOND, &mut closed).await.is_err());
    worker.permits.add_permits(1);
    assert_eq!(closed.await, Some(Health::Closed));
    long.await.unwrap().unwrap();
    stopping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_is_closed() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let mut health = server.health();
    drop(server);
    assert_eq!(health.wait_for(|health| *health == Health::Closed).await, Some(Health::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_listener_and_a_transport_know_how_they_are() {
    let transport = MemoryTransport::new();
    let builder = rpc_core::Listener::builder(&transport, ["notifications"]);
    let listener = builder.start::<rpc_core::Value>().await.unwrap();
    let (of_listener, of_transport) = (listener.health(), transport.health());
    assert_eq!((of_listener.now(), of_transport.now()), (Health::Consuming, Health::Connected));
    listener.close().await;
    assert_eq!((of_listener.now(), of_transport.now()), (Health::Closed, Health::Connected));
    transport.close().await;
    assert_eq!(of_transport.now(), Health::Closed);
}
