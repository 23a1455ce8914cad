//! Calls that are given up, and what becomes of them at their servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::introspection::{IntrospectionClient, MethodStats};
use rpc_core::message::{Message, Request};
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, Source, StatusWatch, Transport,
};
use rpc_core::{
    CallError, Client, Code, ContentType, Context, Deadline, Error, MemoryBroker, MemoryTransport, Server,
    SharedTransport, Target, Value, codec, introspection, service,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::faulty::{Publish, faulty};
use crate::support::settle;

const SECOND: Duration = Duration::from_secs(1);
/// Long after everything here has ended.
const FAR: Duration = Duration::from_secs(3_600);
/// How soon a server has heard of it.
const SOON: Duration = Duration::from_millis(100);

/// Each method waits for a permit of the test.
#[service]
trait Long {
    #[call]
    async fn run(&self, name: String);
    #[call(uncancellable)]
    async fn run_on(&self, name: String);
    #[call(idempotent)]
    async fn run_again(&self, ctx: &Context, name: String);
    #[cast]
    async fn note(&self, name: String);
    #[fanout]
    async fn tell(&self, name: String) -> u32;
    /// Calls this method of the next server, until none is left.
    #[call]
    async fn nest(&self, depth: u32);
    /// Makes two calls in tasks of their own, one of them on behalf of this, and says in the journal how they end.
    #[call]
    async fn spawn(&self, ctx: &Context);
    /// Watches in a task of its own whether somebody waits.
    #[call]
    async fn watch(&self, ctx: &Context);
}

#[derive(Clone)]
struct Worker {
    lines: Arc<Mutex<Vec<String>>>,
    permits: Arc<Semaphore>,
    client: LongClient,
}

/// Writes down that a method was dropped, unless it ended before.
struct Runs<'a>(&'a Worker, Option<String>);

impl Worker {
    fn new(transport: &MemoryTransport) -> Self {
        let client = LongClient::new(transport, target()).prepare(|settings| settings.timeout(FAR));
        Self { lines: Arc::default(), permits: Arc::new(Semaphore::new(0)), client }
    }

    fn write(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    async fn until_permitted(&self, name: String) {
        self.write(format!("start {name}"));
        let mut runs = Runs(self, Some(name));
        self.permits.acquire().await.unwrap().forget();
        if let Some(name) = runs.1.take() {
            self.write(format!("end {name}"));
        }
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.1.take() {
            self.0.write(format!("drop {name}"));
        }
    }
}

impl Long for Worker {
    async fn run(&self, name: String) {
        self.until_permitted(name).await;
    }

    async fn run_on(&self, name: String) {
        self.until_permitted(name).await;
    }

    async fn run_again(&self, ctx: &Context, name: String) {
        self.until_permitted(format!("{name} {}", ctx.attempt)).await;
    }

    async fn note(&self, name: String) {
        self.until_permitted(name).await;
    }

    async fn tell(&self, name: String) -> u32 {
        self.until_permitted(name).await;
        0
    }

    async fn nest(&self, depth: u32) {
        let _runs = Runs(self, Some(format!("depth {depth}")));
        if depth == 0 {
            std::future::pending::<()>().await;
        }
        let _ = self.client.prepare(|it| it.server(format!("s{}", depth - 1))).nest(depth - 1).await;
    }

    async fn spawn(&self, ctx: &Context) {
        let on_behalf = self.client.run("on behalf".to_owned()).context(ctx);
        let worker = self.clone();
        tokio::spawn(async move {
            let Err(CallError::Rpc(error)) = on_behalf.await else { panic!("it is cancelled") };
            worker.write(format!("{} {}", error.code(), error.executed()));
        });
        tokio::spawn(self.client.run("alone".to_owned()).into_future());
        std::future::pending().await
    }

    async fn watch(&self, ctx: &Context) {
        let (worker, ctx) = (self.clone(), ctx.clone());
        assert!(!ctx.is_cancelled());
        tokio::spawn(async move {
            ctx.cancelled().await;
            worker.write(format!("watched {}", ctx.is_cancelled()));
        });
        self.until_permitted("watch".to_owned()).await;
    }
}

fn target() -> Target {
    Target::topic("long")
}

async fn server(broker: &MemoryBroker, name: &str, workers: u16) -> (Worker, Server) {
    let transport = broker.connect();
    let worker = Worker::new(&transport);
    let builder = Server::builder(&transport, target().server(name)).workers(workers);
    let server = builder.endpoint(worker.clone().into_endpoint()).start().await.unwrap();
    (worker, server)
}

/// A server, and a client on a connection of its own.
async fn one_server(workers: u16) -> (LongClient, Worker, Server, MemoryTransport) {
    let transport = MemoryTransport::new();
    let (worker, server) = server(transport.broker(), "s0", workers).await;
    let client = LongClient::new(&transport, target()).prepare(|settings| settings.timeout(FAR));
    (client, worker, server, transport)
}

async fn counted(transport: &MemoryTransport, method: &str) -> MethodStats {
    let client = IntrospectionClient::new(transport, introspection::target());
    let stats = client.stats(Some("long".to_owned()), None).expected(1).await.unwrap();
    let stats = stats.all().await.pop().unwrap().result.unwrap();
    stats.methods.into_iter().find(|stats| stats.method == method).unwrap()
}

/// Starts a call, and gives it up after `time`.
async fn give_up<F: IntoFuture>(call: F, time: Duration) {
    assert!(tokio::time::timeout(time, call.into_future()).await.is_err(), "it has not ended by then");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_dropped_at_its_server() {
    let (client, worker, _server, transport) = one_server(4).await;
    give_up(client.run("x".to_owned()), SECOND).await;
    let since = Instant::now();
    while worker.lines().len() < 2 {
        settle().await;
        assert!(since.elapsed() <= SOON);
    }
    assert_eq!(worker.lines(), ["start x", "drop x"]);
    let stats = counted(&transport, "run").await;
    assert_eq!((stats.calls, stats.in_flight, stats.errors), (1, 0, [("cancelled".to_owned(), 1)].into()));
    assert_eq!((transport.as_ref().pending_calls(), transport.as_ref().orphan_replies()), (0, 0));
    worker.permits.add_permits(1);
    client.run("next".to_owned()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_to_one_server_is_cancelled_there() {
    let (client, first, _server, transport) = one_server(4).await;
    let (second, _second_server) = server(transport.broker(), "s1", 4).await;
    give_up(client.prepare(|settings| settings.server("s1")).run("x".to_owned()), SECOND).await;
    tokio::time::sleep(SOON).await;
    assert_eq!(second.lines(), ["start x", "drop x"]);
    assert!(first.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_worker_does_not_start() {
    let (client, worker, server, transport) = one_server(1).await;
    let busy = tokio::spawn(client.run("busy".to_owned()).into_future());
    settle().await;
    // More than the server takes at a time, so that some are in its queue and some in its hand.
    join_all((0..10).map(|number| give_up(client.run(number.to_string()), SECOND))).await;
    give_up(client.run_again("again".to_owned()), SECOND).await;
    let waiting = tokio::spawn(client.run("waiting".to_owned()).into_future());
    tokio::time::sleep(SOON).await;
    worker.permits.add_permits(100);
    busy.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(worker.lines(), ["start busy", "end busy", "start waiting", "end waiting"]);
    let stats = counted(&transport, "run").await;
    assert_eq!((stats.calls, stats.errors), (12, [("cancelled".to_owned(), 10)].into()));
    server.shutdown(SECOND).await;
    // And they were acknowledged.
    let (next, _server) = self::server(transport.broker(), "s2", 4).await;
    settle().await;
    assert!(next.lines().is_empty() && transport.broker().dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_before_a_server_is_there_is_not_started() {
    let (client, _worker, server_before, transport) = one_server(1).await;
    server_before.shutdown(SECOND).await;
    let call = tokio::spawn(client.run("x".to_owned()).into_future());
    settle().await;
    let (worker, _server) = server(transport.broker(), "s1", 1).await;
    call.abort();
    tokio::time::sleep(SOON).await;
    worker.permits.add_permits(9);
    client.run("y".to_owned()).await.unwrap();
    // Which of the two came first is not promised; that it does not end is.
    assert!(!worker.lines().contains(&"end x".to_owned()), "{:?}", worker.lines());
}

#[tokio::test(start_paused = true)]
async fn cancellation_crosses_nested_calls() {
    let transport = MemoryTransport::new();
    let mut servers = Vec::new();
    for number in 0..=3 {
        servers.push(server(transport.broker(), &format!("s{number}"), 4).await);
    }
    let client = LongClient::new(&transport, target()).prepare(|it| it.server("s3").timeout(FAR));
    give_up(client.nest(3), SECOND).await;
    tokio::time::sleep(SOON).await;
    for (depth, (worker, server)) in servers.iter().enumerate() {
        assert_eq!(worker.lines(), [format!("drop depth {depth}")]);
        assert_eq!(server.running(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_other_tasks_end_with_the_context_that_they_were_made_for() {
    let (client, worker, _server, _transport) = one_server(9).await;
    give_up(client.spawn(), SECOND).await;
    tokio::time::sleep(SOON).await;
    worker.permits.add_permits(1);
    settle().await;
    let mut lines = worker.lines();
    lines.sort_unstable();
    let expected = ["cancelled unknown", "drop on behalf", "end alone", "start alone", "start on behalf"];
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn a_context_tells_whether_somebody_waits() {
    let (client, worker, _server, _transport) = one_server(9).await;
    worker.permits.add_permits(1);
    client.watch().await.unwrap();
    assert_eq!(worker.lines(), ["start watch", "end watch"], "an end is no cancellation");
    give_up(client.watch(), SECOND).await;
    tokio::time::sleep(SOON).await;
    let mut lines = worker.lines().split_off(2);
    lines.sort_unstable();
    assert_eq!(lines, ["drop watch", "start watch", "watched true"]);
    assert!(!Context::new().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn an_uncancellable_method_runs_on() {
    let (client, worker, _server, transport) = one_server(4).await;
    give_up(client.run_on("typed".to_owned()), SECOND).await;
    // Who knows no types does not know of this either.
    let untyped = Client::new(&transport, target());
    give_up(untyped.call("run_on", &Value::map([("name", "untyped")])).timeout(FAR), SECOND).await;
    tokio::time::sleep(SOON).await;
    assert_eq!(worker.lines(), ["start typed", "start untyped"]);
    worker.permits.add_permits(2);
    settle().await;
    assert_eq!(worker.lines()[2..], ["end typed", "end untyped"]);
}

#[tokio::test(start_paused = true)]
async fn casts_and_gatherings_are_never_cancelled() {
    let (client, worker, _server, _transport) = one_server(4).await;
    client.note("cast".to_owned()).await.unwrap();
    let answers = client.tell("fanout".to_owned()).timeout(FAR).await.unwrap();
    settle().await;
    drop(answers);
    tokio::time::sleep(SOON).await;
    assert_eq!(worker.lines(), ["start cast", "start fanout"]);
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_that_is_cancelled_does_not_come_again() {
    let (client, worker, server, transport) = one_server(4).await;
    give_up(client.run_again("x".to_owned()), SECOND).await;
    tokio::time::sleep(SOON).await;
    assert_eq!(worker.lines(), ["start x 1", "drop x 1"]);
    server.shutdown(SECOND).await;
    let (next, _server) = self::server(transport.broker(), "s1", 4).await;
    settle().await;
    assert!(next.lines().is_empty(), "it was acknowledged");
}

/// Somebody else who hears of calls that are given up.
struct Eavesdropper {
    consumer: Box<dyn Consumer>,
    _transport: MemoryTransport,
}

impl Eavesdropper {
    async fn new(broker: &MemoryBroker) -> Self {
        let transport = broker.connect();
        let source = Source::Requests(introspection::target().fanout());
        let options = ConsumeOptions::new().prefetch(u16::MAX);
        let consumer = transport.as_ref().transport().consume(source, options).await.unwrap();
        Self { consumer, _transport: transport }
    }

    /// How many calls are named in each message that came.
    async fn heard(&mut self) -> Vec<usize> {
        let mut heard = Vec::new();
        while let Ok(Some(delivery)) = tokio::time::timeout(SECOND, self.consumer.next()).await {
            let Ok(Message::Request(request)) = delivery.message() else { panic!("another message") };
            assert_eq!(
                (request.namespace.as_deref(), &*request.method),
                (Some("rpc.cancellation"), "cancel")
            );
            let arguments: Value = codec::decode(&request.arguments).unwrap();
            let Some(Value::List(calls)) = arguments.get("calls") else { panic!("no calls: {arguments:?}") };
            heard.push(calls.len());
            delivery.ack().unwrap();
        }
        heard
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_calls_that_ended_or_never_left() {
    let (client, worker, server, transport) = one_server(4).await;
    let mut eavesdropper = Eavesdropper::new(transport.broker()).await;
    worker.permits.add_permits(1);
    client.run("ends".to_owned()).await.unwrap();
    client.run("late".to_owned()).timeout(SECOND).await.unwrap_err();
    drop(client.run("not awaited".to_owned()));
    drop(client.run("not polled".to_owned()).into_future());
    let nobody = client.prepare(|settings| settings.server("nobody"));
    let CallError::Rpc(error) = nobody.run("x".to_owned()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unroutable);
    give_up(client.run_on("opted out".to_owned()), SECOND).await;
    // Offered three times, and refused.
    let refused = LongClient::new(&faulty(&transport, Publish::RefusesRequests), target());
    give_up(refused.run("refused".to_owned()), SECOND / 5).await;
    let mut answered = Box::pin(client.run("answered".to_owned()).into_future());
    assert!(tokio::time::timeout(Duration::ZERO, &mut answered).await.is_err());
    // For the one that runs on, too.
    worker.permits.add_permits(2);
    settle().await;
    drop(answered);
    assert!(eavesdropper.heard().await.is_empty());
    give_up(client.run("dropped".to_owned()), SECOND).await;
    assert_eq!(eavesdropper.heard().await, [1]);
    // Its queue stays, and nobody says that it lives.
    server.shutdown(SECOND).await;
    let CallError::Rpc(error) = client.run("silent".to_owned()).call_monitor(SECOND).await.unwrap_err();
    assert_eq!(error.code(), Code::Unresponsive);
    assert!(eavesdropper.heard().await.is_empty(), "it ended, and its caller knows");
}

/// A wire that is shared with programs of another framework.
struct Foreign(SharedTransport);

#[async_trait::async_trait]
impl Transport for Foreign {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        self.0.transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.0.transport().consume(source, options).await
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.introspection = false;
        capabilities
    }

    fn status(&self) -> StatusWatch {
        self.0.status()
    }

    async fn close(&self, grace: Duration) {
        self.0.close(grace).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_others_would_not_know_it() {
    let (_, worker, _server, transport) = one_server(4).await;
    let mut eavesdropper = Eavesdropper::new(transport.broker()).await;
    let foreign = SharedTransport::new(Foreign(transport.as_ref().clone()));
    give_up(LongClient::new(&foreign, target()).run("x".to_owned()).timeout(3 * SECOND), SECOND).await;
    assert!(eavesdropper.heard().await.is_empty());
    assert_eq!(worker.lines(), ["start x"]);
    tokio::time::sleep(SECOND + SOON).await;
    assert_eq!(worker.lines(), ["start x", "drop x"], "it ends at its deadline");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_drops_are_told_by_few_messages() {
    let (client, worker, server, transport) = one_server(64).await;
    let mut eavesdropper = Eavesdropper::new(transport.broker()).await;
    let mut calls: Vec<_> =
        (0..10_000).map(|number| Box::pin(client.run(number.to_string()).into_future())).collect();
    tokio::time::timeout(SECOND, join_all(calls.iter_mut().map(|call| call.as_mut()))).await.unwrap_err();
    assert_eq!(transport.as_ref().pending_calls(), 10_000);
    drop(calls);
    tokio::time::sleep(SOON).await;
    assert_eq!(worker.lines().len(), 128, "64 had started");
    assert_eq!((server.running(), transport.as_ref().pending_calls()), (0, 0));
    let heard = eavesdropper.heard().await;
    assert_eq!((heard.len(), heard.iter().sum::<usize>()), (10, 10_000));
    let stats = counted(&transport, "run").await;
    assert_eq!((stats.calls, stats.errors), (10_000, [("cancelled".to_owned(), 10_000)].into()));
}

#[tokio::test(start_paused = true)]
async fn unknown_and_broken_cancellations_do_no_harm() {
    let (client, worker, server, transport) = one_server(4).await;
    let running = tokio::spawn(client.run("x".to_owned()).into_future());
    settle().await;
    let send = async |arguments: Value| {
        let arguments = codec::encode(ContentType::Json, &arguments).unwrap();
        let mut request = Request::new("cancel", arguments);
        request.namespace = Some("rpc.cancellation".into());
        let to = Destination::Request(introspection::target().fanout());
        let shared = transport.as_ref().transport();
        shared.publish(&to, Message::from(request), Deadline::after(SECOND)).await.unwrap();
    };
    let ids = ["0".repeat(32), "x".to_owned(), String::new()];
    for _ in 0..100 {
        send(Value::map([
            ("topic", Value::from("long")),
            ("calls", Value::List(ids.clone().map(Value::from).into())),
        ]))
        .await;
        send(Value::map([("calls", 7)])).await;
        send(Value::Null).await;
    }
    settle().await;
    worker.permits.add_permits(1);
    running.await.unwrap().unwrap();
    assert_eq!((server.rejected(), transport.broker().dead_letters().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_before_the_close_are_cancelled_by_it() {
    let (client, worker, _server, transport) = one_server(4).await;
    give_up(client.run("x".to_owned()), SECOND).await;
    transport.as_ref().close(SECOND).await;
    settle().await;
    assert_eq!(worker.lines(), ["start x", "drop x"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_asked_runs_on_until_the_deadline() {
    let transport = MemoryTransport::new();
    let worker = Worker::new(&transport);
    let builder = Server::builder(&transport, target()).introspection(false);
    let _server = builder.endpoint(worker.clone().into_endpoint()).start().await.unwrap();
    let client = LongClient::new(&transport, target());
    give_up(client.run("x".to_owned()).timeout(3 * SECOND), SECOND).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(worker.lines(), ["start x"]);
    tokio::time::sleep(SECOND + SOON).await;
    assert_eq!(worker.lines(), ["start x", "drop x"]);
}
