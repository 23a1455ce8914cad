//! What a server does with requests.

use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::{
    AccessRequest, AllowMethods, CallError, Client, Code, ContentType, Context, Denied, Executed,
    MemoryTransport, Server, Target, Value,
};

use crate::support::{WorkClient, WorkEndpoint, Worker, builder, one_server, settle, target};

#[tokio::test(start_paused = true)]
async fn no_more_run_at_a_time_than_there_are_workers() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(3).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let calls = (0..10).map(|number| work.wait(number.to_string()).into_future());
    let calls = tokio::spawn(join_all(calls));
    settle().await;
    assert_eq!(worker.lines().len(), 3);
    worker.permits.add_permits(10);
    assert!(calls.await.unwrap().into_iter().all(|answer| answer.is_ok()));
    assert_eq!(worker.most_at_a_time(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_one_request() {
    let (work, _, _server, _) = one_server().await;
    let error = work.crash().await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Executed));
    assert!(!error.to_string().contains("asked to"), "what a panic says stays at the server: {error}");
    assert_eq!(work.double(1).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_blocks_nobody_else() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let blocking = Server::builder(&transport, Target::topic("blocking"));
    let blocking = blocking.endpoint(Blocking.into_endpoint()).start().await.unwrap();
    let block = BlockClient::new(&transport, Target::topic("blocking"));
    let blocked = tokio::spawn(block.block().into_future());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let work = WorkClient::new(&transport, target());
    for number in 0..20 {
        assert_eq!(work.double(number).timeout(Duration::from_secs(1)).await.unwrap(), number * 2);
    }
    blocked.await.unwrap().unwrap();
    drop(blocking);
}

/// Blocks.
#[rpc_core::service]
trait Block {
    /// Blocks its thread for two seconds.
    #[call]
    async fn block(&self);
}

struct Blocking;

impl Block for Blocking {
    async fn block(&self) {
        std::thread::sleep(Duration::from_secs(2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_be_told_about_goes_to_the_dead_letters() {
    let (work, _, server, transport) = one_server().await;
    work.crash_quietly().await.unwrap();
    let untyped = Client::new(&transport, target());
    untyped.cast("no_such", &()).await.unwrap();
    untyped.cast("double", &Value::map([("number", "one")])).await.unwrap();
    settle().await;
    let dead: Vec<_> =
        transport.broker().dead_letters().into_iter().map(|dead| (dead.topic, dead.code)).collect();
    let expected = [Code::Panicked, Code::NoSuchMethod, Code::InvalidArguments];
    assert_eq!(dead, expected.map(|code| ("work".to_owned(), code)));
    assert_eq!(server.rejected(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fanout_reaches_every_server_and_its_failure_harms_nobody() {
    let transport = MemoryTransport::new();
    let workers = [Worker::new(), Worker::new(), Worker::new()];
    let mut servers = Vec::new();
    for (name, worker) in ["a", "b", "c"].into_iter().zip(&workers) {
        servers.push(builder(transport.as_ref(), name, worker).start().await.unwrap());
    }
    let work = WorkClient::new(&transport, target());
    Client::new(&transport, target()).fanout("crash_quietly", &()).await.unwrap();
    work.tell("all".to_owned()).await.unwrap();
    settle().await;
    work.prepare(|settings| settings.server("b")).tell("b".to_owned()).await.unwrap();
    settle().await;
    let lines: Vec<_> = workers.iter().map(Worker::lines).collect();
    assert_eq!(lines, [vec!["told all"], vec!["told all", "told b"], vec!["told all"]]);
    assert!(transport.broker().dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_access_policy_decides_by_method_and_context() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let policy =
        |request: &AccessRequest<'_>| match (request.method.name, request.context.metadata.get("role")) {
            ("double", _) | (_, Some("admin")) => Ok(()),
            _ => Err(Denied::new("admins only")),
        };
    let _server = builder(transport.as_ref(), "a", &worker).access(policy).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    assert_eq!(work.double(1).await.unwrap(), 2);
    let error = work.text("x".to_owned()).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::PermissionDenied, Executed::NotSent));
    assert!(error.to_string().contains("admins only"));
    let mut admin = Context::new();
    admin.metadata.insert("role", "admin").unwrap();
    assert_eq!(work.text("x".to_owned()).context(&admin).await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_methods_is_a_policy() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let allowed = AllowMethods::new(["double"]);
    let _server = builder(transport.as_ref(), "a", &worker).access(allowed).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    assert_eq!(work.double(1).await.unwrap(), 2);
    assert_eq!(work.text("x".to_owned()).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(start_paused = true)]
async fn a_server_chooses_the_content_types_that_it_accepts() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).accept([ContentType::Json]);
    let _server = server.start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    match work.double(1).await.unwrap_err() {
        CallError::Rpc(error) => {
            assert_eq!(error.code(), Code::Malformed);
            assert!(error.message().contains("application/json"), "{error}");
        }
        CallError::Service(_) => unreachable!("the method has no error of its own"),
    }
    assert_eq!(work.prepare(|settings| settings.content_type(ContentType::Json)).double(1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_serve_does_not_start() {
    let transport = MemoryTransport::new();
    let endpoint = || WorkEndpoint::new(Worker::new());
    let none = Server::builder(&transport, target());
    let twice = Server::builder(&transport, target()).endpoint(endpoint()).endpoint(endpoint());
    let nameless = Server::builder(&transport, Target::topic("")).endpoint(endpoint());
    for builder in [none, twice, nameless] {
        assert_eq!(builder.start().await.unwrap_err().code(), Code::InvalidArguments);
    }
}
