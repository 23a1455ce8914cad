//! Callers whose reply address is gone, for a moment or for good.

use std::time::Duration;

use rpc_core::message::{Message, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Destination, Source};
use rpc_core::{
    ContentType, CorrelationId, Deadline, MemoryTransport, ReplyAddress, Server, Value, Version, codec,
};
use tokio::time::Instant;

use crate::support::{WorkClient, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

/// A caller who is away.
struct Caller {
    transport: MemoryTransport,
    address: ReplyAddress,
}

impl Caller {
    fn new(transport: &MemoryTransport) -> Self {
        Self { transport: transport.clone(), address: ReplyAddress::random("away") }
    }

    async fn call(&self, method: &'static str, correlation_id: &str, timeout: Duration) {
        let arguments = match method {
            "double" => Value::map([("number", 1)]),
            _ => Value::map([("name", correlation_id)]),
        };
        let mut request = Request::new(method, codec::encode(ContentType::Json, &arguments).unwrap());
        request.version = Version::new(1, 2);
        request.context.deadline = Some(Deadline::after(timeout));
        request.reply_to = Some((self.address.clone(), CorrelationId::parse(correlation_id).unwrap()));
        let to = Destination::Request(target());
        let sent = self.transport.as_ref().transport();
        sent.publish(&to, Message::from(request), Deadline::after(SECOND)).await.unwrap();
        settle().await;
    }

    async fn comes_back(&self) -> Box<dyn Consumer> {
        let source = Source::Replies(self.address.clone());
        self.transport.as_ref().transport().consume(source, ConsumeOptions::new()).await.unwrap()
    }
}

/// The correlation ids of the replies that come within a minute of silence.
async fn answers(mut replies: Box<dyn Consumer>) -> Vec<String> {
    let mut answers = Vec::new();
    while let Ok(Some(delivery)) = tokio::time::timeout(60 * SECOND, replies.next()).await {
        let (message, acknowledger) = delivery.into_parts();
        acknowledger.ack().unwrap();
        let Ok(Message::Reply(reply)) = message else { panic!("another message") };
        answers.push(reply.correlation_id.to_string());
    }
    answers
}

async fn server(workers: u16) -> (MemoryTransport, Worker, Server) {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(&transport.broker().connect().into(), "a", &worker).workers(workers).start();
    let server = server.await.unwrap();
    (transport, worker, server)
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_is_away_for_a_moment_is_answered_and_holds_no_worker() {
    let (transport, _, _server) = server(1).await;
    let caller = Caller::new(&transport);
    caller.call("double", "1", 60 * SECOND).await;
    caller.call("double", "2", 60 * SECOND).await;
    let others = WorkClient::new(&transport, target());
    assert_eq!(others.double(2).timeout(SECOND).await.unwrap(), 4, "nobody waits behind it");
    tokio::time::sleep(2 * SECOND).await;
    let mut answers = answers(caller.comes_back().await).await;
    answers.sort();
    assert_eq!(answers, ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_waits_for_its_caller_too_and_runs_once() {
    let (transport, worker, server) = server(1).await;
    worker.permits.add_permits(2);
    let caller = Caller::new(&transport);
    caller.call("wait_idempotent", "1", 60 * SECOND).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(answers(caller.comes_back().await).await, ["1"]);
    server.shutdown(SECOND).await;
    assert_eq!(worker.lines(), ["start 1 1", "end 1 1"]);
}

#[tokio::test(start_paused = true)]
async fn idempotent_calls_of_one_who_is_away_leave_room_for_others() {
    let (transport, worker, server) = server(4).await;
    worker.permits.add_permits(10);
    let caller = Caller::new(&transport);
    for number in 0..10 {
        caller.call("wait_idempotent", &number.to_string(), 60 * SECOND).await;
    }
    let others = WorkClient::new(&transport, target());
    assert_eq!(others.double(2).timeout(SECOND).await.unwrap(), 4, "half of the prefetch is free");
    let ended = || worker.lines().iter().filter(|line| line.starts_with("end")).count();
    assert_eq!(ended(), 10, "all have run");
    let answers = answers(caller.comes_back().await).await;
    assert_eq!(answers.len(), 10, "{answers:?}");
    server.shutdown(SECOND).await;
    assert_eq!(ended(), 10, "each ran once");
}

#[tokio::test(start_paused = true)]
async fn dv_14_nobody_is_waited_for_after_his_deadline_or_a_minute() {
    let (transport, _, server) = server(4).await;
    for (timeout, most) in [(2 * SECOND, 2 * SECOND), (3_600 * SECOND, 60 * SECOND)] {
        Caller::new(&transport).call("double", "1", timeout).await;
        let started = Instant::now();
        while server.running() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let waited = started.elapsed();
        assert!((most - SECOND..=most + SECOND).contains(&waited), "{waited:?} for {timeout:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn dv_15_a_caller_who_was_away_for_long_is_tried_once() {
    let (transport, worker, server) = server(4).await;
    worker.permits.add_permits(1);
    let (caller, other) = (Caller::new(&transport), Caller::new(&transport));
    caller.call("double", "early", 60 * SECOND).await;
    caller.call("wait_idempotent", "unsettled", 60 * SECOND).await;
    assert_eq!(server.running(), 2);
    tokio::time::sleep(8 * SECOND).await;
    assert_eq!(server.running(), 1, "what keeps a place of the prefetch waits no longer");
    caller.call("double", "late", 60 * SECOND).await;
    other.call("double", "other", 60 * SECOND).await;
    assert_eq!(server.running(), 2, "the early one and the other caller's");
    let back = caller.comes_back().await;
    assert_eq!(answers(back).await, ["early"]);
    // Once he was reached he is as good as anybody.
    caller.call("double", "again", 60 * SECOND).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(answers(caller.comes_back().await).await, ["again"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_replies_wait_than_there_is_room_for() {
    let (transport, _, server) = server(4).await;
    let caller = Caller::new(&transport);
    for number in 0..300 {
        caller.call("double", &number.to_string(), 60 * SECOND).await;
    }
    assert_eq!(server.running(), 256);
    assert_eq!(answers(caller.comes_back().await).await.len(), 256);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_waits_for_callers_within_its_grace() {
    for (comes_back_after, end) in [(Some(2), 2..=5), (None, 10..=12)] {
        let (transport, _, server) = server(1).await;
        let caller = Caller::new(&transport);
        caller.call("double", "1", 60 * SECOND).await;
        let started = Instant::now();
        let stopping = tokio::spawn(server.shutdown(10 * SECOND));
        let mut back = None;
        if let Some(seconds) = comes_back_after {
            tokio::time::sleep(seconds * SECOND).await;
            back = Some(caller.comes_back().await);
        }
        stopping.await.unwrap();
        assert!(end.contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        if let Some(replies) = back {
            assert_eq!(answers(replies).await, ["1"]);
        }
    }
}
