//! Nothing that a stranger publishes stops a server, runs a method, or makes the server publish elsewhere.
//!
//! The messages come from a raw AMQP client. What has to happen to each is in the tables of [`tests::hostile`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Server, Target};
use tests::broker::{Broker, unique};
use tests::hostile::{self, Case, CounterEndpoint, Counting, good_call};
use tests::raw::frames::{Frames, Properties};
use tests::raw::{Message, RawClient, ReplyQueue, eventually};

/// A server on an exchange of its own, and a stranger with a reply queue.
struct Scene {
    broker: &'static Broker,
    exchange: String,
    server: Server,
    executions: Arc<AtomicU64>,
    stranger: RawClient,
    replies: ReplyQueue,
    published: u64,
    wrong: Vec<String>,
}

impl Scene {
    const TOPIC: &str = "counter";

    /// Each thing that does not happen is waited for; after so many the rest is not worth the wait.
    const ENOUGH: usize = 6;

    async fn new() -> Self {
        let broker = Broker::shared();
        let exchange = unique("bad-input");
        let executions = Arc::new(AtomicU64::new(0));
        let transport = AmqpTransport::builder(broker.url()).connect().await.unwrap();
        let target = Target::topic(Self::TOPIC).exchange(&exchange).server("one");
        let counter = Arc::clone(&executions);
        let endpoint = CounterEndpoint::new(Counting::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let server = Server::builder(&transport, target).endpoint(endpoint).start().await.unwrap();
        let stranger = RawClient::connect(&broker.url()).await;
        let replies = stranger.reply_queue().await;
        Self { broker, exchange, server, executions, stranger, replies, published: 0, wrong: Vec::new() }
    }

    fn request_queue(&self) -> String {
        format!("rpc.{}.{}", self.exchange, Self::TOPIC)
    }

    fn dead_letter_queue(&self) -> String {
        format!("dlq.{}.{}", self.exchange, Self::TOPIC)
    }

    async fn publish(&self, request: &Message) {
        let exchange = format!("x.{}", self.exchange);
        assert!(self.stranger.publish(&exchange, Self::TOPIC, request).await, "the server's queue exists");
    }

    /// Publishes `request` as a call, and returns the answer's header `name`.
    async fn answer(&mut self, request: Message, name: &str) -> Option<String> {
        self.published += 1;
        let correlation_id = format!("call-{}", self.published);
        self.publish(&request.answered_at(self.replies.address(), &correlation_id)).await;
        self.replies.wait(&correlation_id).await?.header(name)
    }

    /// The sender of a call is told; a cast is kept, with the reason, where a person can find it.
    async fn is_refused(&mut self, case: &Case<'_>) {
        let answered = self.answer(case.request.clone(), "code").await;
        self.compare(case.name, "the answer's code", answered.as_deref(), case.code);
        self.is_dead_lettered(case).await;
    }

    async fn is_dead_lettered(&mut self, case: &Case<'_>) {
        self.publish(&case.request).await;
        let queue = self.dead_letter_queue();
        let kept = eventually(async || self.stranger.get(&queue).await).await;
        let code = kept.as_ref().and_then(|message| message.header("dead-letter-code"));
        self.compare(case.name, "the dead letter's code", code.as_deref(), case.code);
        let reason = kept.as_ref().and_then(|message| message.header("dead-letter-reason"));
        if reason.is_none_or(|reason| reason.is_empty()) {
            self.wrong.push(format!("{}: no reason in the dead letter", case.name));
        }
        if kept.is_none_or(|message| message.body != case.request.body) {
            self.wrong.push(format!("{}: the dead letter has another body", case.name));
        }
    }

    async fn still_serves(&mut self, after: &str) {
        let status = self.answer(good_call(), "status").await;
        self.compare(after, "the next good call's status", status.as_deref(), "ok");
        assert!(self.wrong.len() < Self::ENOUGH, "{}\n…", self.wrong.join("\n"));
    }

    fn compare(&mut self, case: &str, what: &str, got: Option<&str>, wanted: &str) {
        if got != Some(wanted) {
            self.wrong.push(format!("{case}: {what} is {got:?}, not {wanted}"));
        }
    }

    /// Only the good calls ran, nothing is left in the queue or unacknowledged, and no answer came twice.
    async fn end(mut self, good_calls: u64) {
        let queue = self.request_queue();
        let drained = eventually(async || {
            let queue = self.broker.queue(&queue)?;
            (queue.messages == 0 && queue.unacknowledged == 0 && queue.consumers == 1).then_some(())
        });
        if drained.await.is_none() {
            self.wrong.push(format!("the request queue is not idle: {:?}", self.broker.queue(&queue)));
        }
        if self.executions.load(Ordering::Relaxed) != good_calls {
            self.wrong.push(format!("{:?} methods ran, not {good_calls}", self.executions));
        }
        if !self.replies.left_over().is_empty() {
            self.wrong.push(format!("unexpected replies: {:?}", self.replies.left_over()));
        }
        self.server.shutdown(Duration::from_secs(5)).await;
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_run_are_answered_or_kept() {
    let mut scene = Scene::new().await;
    let cases = hostile::refused();
    let count = cases.len() as u64;
    for case in cases {
        scene.is_refused(&case).await;
        scene.still_serves(case.name).await;
    }
    scene.end(count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_nobody_can_be_told_about_are_kept() {
    let mut scene = Scene::new().await;
    let cases = hostile::unanswerable();
    let count = cases.len() as u64;
    for case in cases {
        scene.is_dead_lettered(&case).await;
        scene.still_serves(case.name).await;
    }
    scene.end(count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_reply_address_gets_nothing() {
    let mut scene = Scene::new().await;
    let addresses = hostile::hostile_addresses(&scene.request_queue());
    let count = addresses.len() as u64;
    let mut traps = Vec::new();
    for address in &addresses {
        // The queue exists, so an answer would arrive. Names that start with `amq.` are the broker's.
        if !address.starts_with("amq.") && *address != scene.request_queue() {
            scene.stranger.declare(address).await;
            traps.push(address.clone());
        }
    }
    for address in &addresses {
        // One that would succeed and one that would fail: neither may be answered.
        for (name, request) in [("good", good_call()), ("bad", good_call().with_header("method", "missing"))]
        {
            let request = request.answered_at(address, "victim");
            let case = Case { name: &format!("{name} call to {address:?}"), request, code: "malformed" };
            scene.is_dead_lettered(&case).await;
        }
        scene.still_serves(address).await;
    }
    for trap in traps {
        if let Some(message) = scene.stranger.get(&trap).await {
            scene.wrong.push(format!("{trap:?} got {message:?}"));
        }
    }
    scene.end(count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_correlation_id_is_answered_by_its_message_id() {
    let mut scene = Scene::new().await;
    let mut request = good_call().answered_at(scene.replies.address(), "");
    request.correlation_id = None;
    request.message_id = Some("message-7".into());
    scene.publish(&request).await;
    let status = scene.replies.wait("message-7").await.and_then(|reply| reply.header("status"));
    scene.compare("no correlation id", "status", status.as_deref(), "ok");
    scene.end(1).await;
}

/// What follows would never get as far as our code: the AMQP library below fails on it, and the broker delivers it again.
async fn survives(frames: Vec<(&str, Properties)>) {
    let mut scene = Scene::new().await;
    let mut sender = Frames::connect(scene.broker.port());
    let count = frames.len() as u64;
    for (name, properties) in frames {
        sender.publish(&format!("x.{}", scene.exchange), Scene::TOPIC, &properties);
        scene.still_serves(name).await;
    }
    scene.end(count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_headers_are_harmless() {
    survives(vec![
        ("20 tables", Properties::nested_headers(20)),
        ("1,500 tables", Properties::nested_headers(1_500)),
        ("15,000 tables", Properties::nested_headers(15_000)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf_8_is_harmless() {
    survives(vec![
        ("content type", Properties::content_type(b"\xff\xfe")),
        ("message id", Properties::message_id(b"\xff\xfe")),
        ("name of a header", Properties::header_named(b"\xff\xfe")),
    ])
    .await;
}
