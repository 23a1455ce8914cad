//! Messages that come twice to one server.

use std::time::Duration;

use rpc_core::message::{Message, Outcome, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Destination, Source};
use rpc_core::{
    Client, Code, ContentType, CorrelationId, Deadline, Executed, MemoryTransport, MessageId, ReplyAddress,
    Server, Value, codec,
};

use crate::relinking::{Cutter, relinking};
use crate::support::{WorkClient, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

struct Scene {
    transport: MemoryTransport,
    worker: Worker,
    cutter: Cutter,
    server: Server,
    work: WorkClient,
}

async fn scene(workers: u16) -> Scene {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let (relinking, cutter) = relinking(&transport);
    let server = builder(&relinking, "a", &worker).workers(workers).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    Scene { transport, worker, cutter, server, work }
}

impl Scene {
    /// Nothing is left in the queue, for this server or the next.
    async fn ends_with(self, lines: &[&str]) {
        self.server.shutdown(SECOND).await;
        let _next = builder(self.transport.as_ref(), "b", &self.worker).start().await.unwrap();
        self.worker.permits.add_permits(10);
        settle().await;
        assert_eq!(self.worker.lines(), lines);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_runs_when_its_link_breaks_runs_once_and_is_answered() {
    let scene = scene(4).await;
    // Two calls, because one of them may be acknowledged in time.
    let call = tokio::spawn(scene.work.wait("x".to_owned()).into_future());
    settle().await;
    scene.cutter.cut().await;
    scene.worker.permits.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "x");
    assert_eq!(scene.work.double(1).await.unwrap(), 2, "a new call works");
    scene.ends_with(&["start x", "end x", "double 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_that_runs_when_its_link_breaks_has_one_result() {
    let scene = scene(4).await;
    let call = tokio::spawn(scene.work.wait_idempotent("x".to_owned()).into_future());
    settle().await;
    scene.cutter.cut().await;
    scene.cutter.cut().await;
    scene.worker.permits.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), 1);
    settle().await;
    assert_eq!(scene.transport.as_ref().orphan_replies(), 0, "the copy that waited does not answer, too");
    scene.ends_with(&["start x 1", "end x 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_runs_when_its_link_breaks_runs_once() {
    let scene = scene(4).await;
    scene.work.note("x".to_owned()).await.unwrap();
    settle().await;
    scene.cutter.cut().await;
    scene.worker.permits.add_permits(1);
    settle().await;
    scene.ends_with(&["start x 1", "end x 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_ended_before_its_link_was_back_does_not_run_again() {
    let scene = scene(1).await;
    scene.work.note("x".to_owned()).await.unwrap();
    settle().await;
    scene.cutter.cut().await;
    // The only worker is busy, so the copy is not looked at before the first has ended.
    scene.worker.permits.add_permits(1);
    settle().await;
    scene.ends_with(&["start x 1", "end x 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_fails_without_a_link_runs_again() {
    let scene = scene(4).await;
    scene.work.note("fails at first".to_owned()).await.unwrap();
    settle().await;
    scene.cutter.cut().await;
    scene.worker.permits.add_permits(2);
    settle().await;
    assert!(scene.transport.broker().dead_letters().is_empty(), "the reject met a dead link");
    scene.ends_with(&["start fails at first 1", "start fails at first 2", "end fails at first 2"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_waits_takes_no_worker() {
    let scene = scene(2).await;
    scene.work.note("x".to_owned()).await.unwrap();
    settle().await;
    scene.cutter.cut().await;
    assert_eq!(scene.work.double(1).timeout(SECOND).await.unwrap(), 2);
    scene.worker.permits.add_permits(1);
    settle().await;
    scene.ends_with(&["start x 1", "double 1", "end x 1"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_waits_goes_back_when_the_server_is_cut_short() {
    let Scene { transport, worker, cutter, server, work } = scene(4).await;
    work.note("x".to_owned()).await.unwrap();
    settle().await;
    cutter.cut().await;
    server.shutdown(SECOND).await;
    worker.permits.add_permits(1);
    let _next = builder(transport.as_ref(), "b", &worker).start().await.unwrap();
    settle().await;
    assert_eq!(worker.lines(), ["start x 1", "start x 3", "end x 3"]);
}

/// A stranger's requests, and what it is answered.
struct Stranger {
    transport: MemoryTransport,
    address: ReplyAddress,
    replies: Box<dyn Consumer>,
}

impl Stranger {
    async fn new(transport: &MemoryTransport) -> Self {
        let address = ReplyAddress::random("stranger");
        let source = Source::Replies(address.clone());
        let consumer = transport.as_ref().transport().consume(source, ConsumeOptions::new()).await.unwrap();
        Self { transport: transport.clone(), address, replies: consumer }
    }

    fn request(&self, method: &'static str, arguments: &Value, message_id: Option<&str>) -> Request {
        let mut request = Request::new(method, codec::encode(ContentType::Json, arguments).unwrap());
        request.version = rpc_core::Version::new(1, 2);
        request.reply_to = Some((self.address.clone(), CorrelationId::parse("1").unwrap()));
        if let Some(id) = message_id {
            request.message_id = MessageId::parse(id).unwrap();
        }
        request
    }

    async fn send(&self, request: Request) {
        let to = Destination::Request(target());
        let deadline = Deadline::after(SECOND);
        self.transport.as_ref().transport().publish(&to, Message::from(request), deadline).await.unwrap();
        settle().await;
    }

    /// The answers so far.
    async fn answers(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Ok(Some(delivery)) = tokio::time::timeout(SECOND, self.replies.next()).await {
            let (message, acknowledger) = delivery.into_parts();
            acknowledger.ack().unwrap();
            let Ok(Message::Reply(reply)) = message else { panic!("another message") };
            answers.push(match &reply.outcome {
                Outcome::Success(payload) => String::from_utf8(payload.body.to_vec()).unwrap(),
                Outcome::Failure(failure) => failure.code.to_string(),
            });
        }
        answers
    }
}

fn doubled(number: i64) -> Value {
    Value::map([("number", number)])
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_sent_twice_runs_once_and_is_answered_twice() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let mut stranger = Stranger::new(&transport).await;
    for _ in 0..2 {
        stranger.send(stranger.request("double", &doubled(1), Some("m"))).await;
    }
    assert_eq!(stranger.answers().await, ["2", "2"]);
    assert_eq!(worker.lines(), ["double 1"]);
    tokio::time::sleep(60 * SECOND).await;
    stranger.send(stranger.request("double", &doubled(1), Some("m"))).await;
    assert_eq!(worker.lines(), ["double 1", "double 1"], "it is not remembered for ever");
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_alike_is_no_copy() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let (mut one, mut other) = (Stranger::new(&transport).await, Stranger::new(&transport).await);
    one.send(one.request("double", &doubled(1), Some("m"))).await;
    // Of somebody else, to another method, under another correlation id, and without an id of its own.
    other.send(other.request("double", &doubled(2), Some("m"))).await;
    one.send(one.request("text", &Value::map([("text", "t")]), Some("m"))).await;
    let mut later = one.request("double", &doubled(3), Some("m"));
    later.reply_to = Some((one.address.clone(), CorrelationId::parse("2").unwrap()));
    one.send(later).await;
    one.send(one.request("double", &doubled(4), None)).await;
    one.send(one.request("double", &doubled(4), None)).await;
    assert_eq!(one.answers().await, ["2", "\"t\"", "6", "8", "8"]);
    assert_eq!(other.answers().await, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_that_is_sent_twice_is_answered_from_memory() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let mut stranger = Stranger::new(&transport).await;
    worker.permits.add_permits(2);
    let name = Value::map([("name", "x")]);
    for _ in 0..2 {
        stranger.send(stranger.request("wait_idempotent", &name, Some("m"))).await;
    }
    assert_eq!(stranger.answers().await, ["1", "1"]);
    assert_eq!(worker.lines(), ["start x 1", "end x 1"]);
}

#[tokio::test(start_paused = true)]
async fn the_window_can_be_switched_off() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).dedupe_window(Duration::ZERO, 1);
    let _server = server.start().await.unwrap();
    let mut stranger = Stranger::new(&transport).await;
    for _ in 0..2 {
        stranger.send(stranger.request("double", &doubled(1), Some("m"))).await;
    }
    assert_eq!(stranger.answers().await, ["2", "2"]);
    assert_eq!(worker.lines(), ["double 1", "double 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_what_was_refused_is_refused_again() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).accept([]).start().await.unwrap();
    let mut stranger = Stranger::new(&transport).await;
    for _ in 0..2 {
        stranger.send(stranger.request("double", &doubled(1), Some("m"))).await;
    }
    assert_eq!(stranger.answers().await, ["malformed", "malformed"]);
    let error = Client::new(&transport, target()).call("double", &doubled(1)).await.unwrap_err();
    assert_eq!(error.code(), Code::Malformed);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_run_before_is_refused_where_a_method_runs_at_most_once() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let first = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let call = |name: &str| tokio::spawn(work.wait_once(name.to_owned()).timeout(9 * SECOND).into_future());
    let (running, unstarted) = (call("runs"), call("waits"));
    settle().await;
    drop(first);
    settle().await;
    let _second = builder(transport.as_ref(), "b", &worker).start().await.unwrap();
    worker.permits.add_permits(9);
    settle().await;
    let error = unstarted.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Unknown), "{error}");
    assert_eq!(running.await.unwrap().unwrap_err().executed(), Executed::Unknown);
    assert_eq!(work.wait_once("new".to_owned()).await.unwrap(), "new");
    Client::new(&transport, target()).cast("wait_once", &Value::map([("name", "cast")])).await.unwrap();
    settle().await;
    assert_eq!(worker.lines(), ["start runs", "start new", "end new", "start cast", "end cast"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_at_most_once_whose_link_breaks_is_still_answered() {
    let scene = scene(4).await;
    let call = tokio::spawn(scene.work.wait_once("x".to_owned()).into_future());
    settle().await;
    scene.cutter.cut().await;
    scene.worker.permits.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "x");
    scene.ends_with(&["start x", "end x"]).await;
}
