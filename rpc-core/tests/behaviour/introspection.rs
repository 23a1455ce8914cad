//! What servers say about themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpc_core::introspection::{self, IntrospectionClient, MethodStats};
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, Source, StatusWatch, Transport,
};
use rpc_core::{
    AllowMethods, Client, Code, Deadline, Error, Gather, MemoryTransport, NoError, Server, ServerBuilder,
    SharedTransport, Target, Value, message::Message,
};
use tokio::time::Instant;

use crate::support::{WorkClient, WorkEndpoint, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

fn asking(transport: &MemoryTransport) -> IntrospectionClient {
    IntrospectionClient::new(transport, introspection::target())
}

/// The names of the servers that answer, in alphabetical order.
async fn names<T: 'static>(question: Gather<T, NoError>) -> Vec<String> {
    let answers = question.await.unwrap().all().await;
    let mut names: Vec<_> = answers.into_iter().filter_map(|answer| answer.server).collect();
    names.sort();
    names
}

async fn one<T: 'static>(question: Gather<T, NoError>) -> T {
    question.expected(1).await.unwrap().next().await.expect("one answers").result.unwrap()
}

/// What was counted for the method that is called so.
async fn counted(transport: &MemoryTransport, method: &str) -> MethodStats {
    let stats = one(asking(transport).stats(None, None)).await;
    stats.methods.into_iter().find(|stats| stats.method == method).unwrap()
}

fn of(transport: &MemoryTransport, topic: &str, server: &str) -> ServerBuilder {
    let target = Target::topic(topic).server(server);
    Server::builder(transport, target).endpoint(WorkEndpoint::new(Worker::new()))
}

#[tokio::test(start_paused = true)]
async fn servers_are_reached_all_by_topic_and_by_name() {
    let transport = MemoryTransport::new();
    let mut servers = Vec::new();
    for (topic, server) in [("compute", "a"), ("compute", "b"), ("storage", "b"), ("storage", "c")] {
        servers.push(of(&transport, topic, server).start().await.unwrap());
    }
    servers.push(of(&transport, "storage", "silent").introspection(false).start().await.unwrap());
    let elsewhere = Target::topic("compute").exchange("elsewhere").server("x");
    let elsewhere = Server::builder(&transport, elsewhere).endpoint(WorkEndpoint::new(Worker::new()));
    servers.push(elsewhere.start().await.unwrap());

    let client = asking(&transport);
    let text = |text: &str| Some(text.to_owned());
    for (topic, server, expected) in [
        (None, None, &["a", "b", "b", "c"][..]),
        (text("storage"), None, &["b", "c"]),
        (None, text("b"), &["b", "b"]),
        (text("compute"), text("b"), &["b"]),
        (text("compute"), text("c"), &[]),
        (text("storage"), text("silent"), &[]),
    ] {
        assert_eq!(names(client.ping(topic.clone(), server.clone())).await, expected, "{topic:?} {server:?}");
    }
    let other = IntrospectionClient::new(&transport, introspection::target().exchange("elsewhere"));
    assert_eq!(names(other.health(None, None)).await, ["x"]);
    assert_eq!(transport.as_ref().orphan_replies(), 0, "who is not meant says nothing");
}

#[tokio::test(start_paused = true)]
async fn a_server_tells_what_it_serves() {
    let transport = MemoryTransport::new();
    let _server = of(&transport, "work", "a").workers(3).program_version("4.5").start().await.unwrap();
    tokio::time::advance(SECOND).await;
    let info = one(asking(&transport).info(None, None)).await;
    assert_eq!((info.server.topic.as_str(), info.server.server.as_str()), ("work", "a"));
    assert_eq!((info.process, info.workers), (std::process::id(), 3));
    assert_eq!((info.program_version.as_deref(), info.uptime_ms), (Some("4.5"), 1_000));
    assert!(info.program.starts_with("behaviour") && info.framework.starts_with("rpc-core "), "{info:?}");
    let [work] = &info.interfaces[..] else { panic!("{info:?}") };
    assert_eq!((work.name.as_str(), work.namespace.as_deref(), work.version.as_str()), ("Work", None, "1.2"));
    let sleep = work.methods.iter().find(|method| method.name == "sleep").unwrap();
    assert_eq!((sleep.kind.as_str(), sleep.timeout_ms), ("call", Some(100)));
    assert_eq!(sleep.arguments[0].value.type_name, "u64");
    assert_eq!(sleep.arguments[0].value.schema.get("type").and_then(Value::as_text), Some("integer"));
    let refuse = work.methods.iter().find(|method| method.name == "refuse").unwrap();
    assert_eq!(refuse.error.as_ref().map(|error| error.type_name.as_str()), Some("Refused"));
    assert_eq!(refuse.docs, "Ends in an error of its own.");
}

#[tokio::test(start_paused = true)]
async fn questions_never_wait_behind_requests() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let (work, client) = (WorkClient::new(&transport, target()), asking(&transport));
    let by_name = work.prepare(|settings| settings.server("a"));
    for number in 0..50 {
        work.note(format!("any {number}")).await.unwrap();
        by_name.note(format!("named {number}")).await.unwrap();
        work.tell(format!("all {number}")).await.unwrap();
    }
    settle().await;
    let started = Instant::now();
    assert_eq!(one(client.ping(None, None)).await.server, "a");
    assert!(one(client.health(Some("work".to_owned()), Some("a".to_owned()))).await.ready);
    assert_eq!(one(client.stats(None, None)).await.running, 1);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_says_so() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let (work, client) = (WorkClient::new(&transport, target()), asking(&transport));
    let busy = tokio::spawn(work.wait("busy".to_owned()).into_future());
    settle().await;
    let stopping = tokio::spawn(server.shutdown(10 * SECOND));
    settle().await;
    let health = one(client.health(None, None)).await;
    assert_eq!((health.state.as_str(), health.ready), ("draining", false));
    worker.permits.add_permits(1);
    busy.await.unwrap().unwrap();
    stopping.await.unwrap();
    assert!(names(client.ping(None, None)).await.is_empty(), "it is gone");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_counted() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(2).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    for number in 0..10 {
        work.double(number).await.unwrap();
    }
    work.refuse("today".to_owned()).await.unwrap_err();
    work.crash().await.unwrap_err();
    work.sleep(60).await.unwrap();
    work.sleep(5_000).timeout(SECOND).await.unwrap_err();
    let untyped = Client::new(&transport, target());
    untyped.call("missing", &()).await.unwrap_err();
    untyped.call("double", &Value::map([("number", "x")])).await.unwrap_err();
    settle().await;

    let double = counted(&transport, "double").await;
    assert_eq!((double.calls, double.in_flight), (11, 0));
    assert_eq!(double.errors, [("invalid_arguments".to_owned(), 1)].into());
    assert_eq!(counted(&transport, "refuse").await.errors, [("service_error".to_owned(), 1)].into());
    assert_eq!(counted(&transport, "crash").await.errors, [("panicked".to_owned(), 1)].into());
    let sleep = counted(&transport, "sleep").await;
    assert_eq!((sleep.calls, sleep.errors), (2, [("deadline_exceeded".to_owned(), 1)].into()));
    assert!(sleep.latency.p50_us.abs_diff(60_000) < 6_000, "{:?}", sleep.latency);
    assert!(sleep.latency.max_us.abs_diff(1_000_000) < 10_000, "{:?}", sleep.latency);
    assert_eq!(counted(&transport, "text").await.calls, 0);
    let stats = one(asking(&transport).stats(None, None)).await;
    assert_eq!((stats.refused, stats.running), ([("no_such_method".to_owned(), 1)].into(), 0));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_worker_is_counted_apart() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let calls: Vec<_> =
        ["first", "second"].map(|name| tokio::spawn(work.wait(name.to_owned()).into_future())).into();
    settle().await;
    let wait = counted(&transport, "wait").await;
    assert_eq!((wait.calls, wait.in_flight), (0, 1));
    tokio::time::sleep(SECOND).await;
    worker.permits.add_permits(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let wait = counted(&transport, "wait").await;
    assert_eq!((wait.calls, wait.in_flight, wait.queue_wait.count), (2, 0, 2));
    assert!(wait.queue_wait.max_us >= 1_000_000 && wait.queue_wait.p50_us < 1_000, "{:?}", wait.queue_wait);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_asked_about_questions_too() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let policy = AllowMethods::new(["double", "ping"]);
    let _server = builder(transport.as_ref(), "a", &worker).access(policy).start().await.unwrap();
    let client = asking(&transport);
    assert_eq!(one(client.ping(None, None)).await.server, "a");
    let answer = client.info(None, None).expected(1).await.unwrap().next().await.unwrap();
    assert_eq!(answer.result.unwrap_err().code(), Code::PermissionDenied);
}

/// A broker that lets servers have the queues of their own topic only, until it is told otherwise.
struct Strict(SharedTransport, Arc<AtomicBool>);

#[async_trait::async_trait]
impl Transport for Strict {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        self.0.transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        let is_asking =
            matches!(&source, Source::Requests(target) if target.topic_name() == introspection::TOPIC);
        if is_asking && !self.1.load(Ordering::Relaxed) {
            return Err(Error::new(Code::PermissionDenied, "access refused"));
        }
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

#[tokio::test(start_paused = true)]
async fn a_server_serves_although_it_may_not_be_asked() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let strict = SharedTransport::new(Strict(transport.as_ref().clone(), Arc::default()));
    let server = builder(&strict, "a", &worker).start().await.unwrap();
    assert_eq!(WorkClient::new(&transport, target()).double(2).await.unwrap(), 4);
    assert!(server.health().now().is_ready());
    let started = Instant::now();
    server.shutdown(SECOND).await;
    assert!(started.elapsed() < SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_may_be_asked_later_answers_then() {
    let (transport, worker, may) = (MemoryTransport::new(), Worker::new(), Arc::<AtomicBool>::default());
    let strict = SharedTransport::new(Strict(transport.as_ref().clone(), Arc::clone(&may)));
    let server = builder(&strict, "a", &worker).start().await.unwrap();
    tokio::time::sleep(1_000 * SECOND).await;
    assert!(names(asking(&transport).ping(None, None)).await.is_empty());
    may.store(true, Ordering::Relaxed);
    tokio::time::sleep(600 * SECOND).await;
    assert_eq!(names(asking(&transport).ping(None, None)).await, ["a"]);
    server.shutdown(SECOND).await;
    assert!(names(asking(&transport).ping(None, None)).await.is_empty(), "it is gone");
}
