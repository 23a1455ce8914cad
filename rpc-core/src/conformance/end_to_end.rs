//! Clients and servers over the transport.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;
use tokio::sync::Notify;

use super::Harness;
use super::support::{SOON, next, request_of, serve, topic, two};
use crate::client::Client;
use crate::endpoint::{Dispatch, Endpoint, Invocation};
use crate::error::{CallError, Code, Executed};
use crate::interface::{Interface, Method, MethodKind};
use crate::message::Outcome;
use crate::server::Server;
use crate::target::Target;
use crate::transport::SharedTransport;
use crate::value::Value;
use crate::version::Version;

/// A service with one method for each way to end.
#[derive(Default)]
struct Probe {
    started: Notify,
    finish: Notify,
}

struct ProbeEndpoint(Arc<Probe>);

const METHODS: &[Method] = &[
    Method::new("double", MethodKind::Call),
    Method::new("refuse", MethodKind::Call),
    Method::new("panic", MethodKind::Call),
    Method::new("hang", MethodKind::Call),
    Method::new("wait", MethodKind::Call),
    Method::new("large", MethodKind::Call),
    Method::new("count", MethodKind::Call),
];

#[derive(Deserialize)]
struct Number {
    number: i64,
}

impl Endpoint for ProbeEndpoint {
    fn interface(&self) -> Interface {
        Interface::new("Probe").with_version(Version::new(1, 2)).with_methods(METHODS)
    }

    fn dispatch(&self, method: usize, invocation: Invocation) -> Dispatch {
        let probe = Arc::clone(&self.0);
        Box::pin(async move {
            let number = match invocation.arguments::<Number>() {
                Ok(Number { number }) => number,
                Err(outcome) => return outcome,
            };
            run(&probe, METHODS[method].name, number, &invocation).await
        })
    }
}

async fn run(probe: &Probe, method: &str, number: i64, invocation: &Invocation) -> Outcome {
    match method {
        "double" => invocation.success(&(number * 2)),
        "refuse" => invocation.service_error("Refused", &"not today"),
        "panic" => panic!("for the test"),
        "large" => invocation.success(&vec![number; 10_000_000]),
        "hang" => std::future::pending().await,
        "count" => {
            let progress = invocation.progress();
            for told in 0..number {
                progress.send(&told);
                // So that they are sent one by one, and not the latest only.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            invocation.success(&progress.is_heard())
        }
        _ => {
            probe.started.notify_one();
            probe.finish.notified().await;
            invocation.success(&number)
        }
    }
}

fn arguments(number: i64) -> Value {
    Value::map([("number", number)])
}

async fn start(transport: &SharedTransport, target: &Target) -> (Server, Arc<Probe>) {
    let probe = Arc::new(Probe::default());
    let server = Server::builder(transport, target.clone().server("probe"))
        .endpoint(ProbeEndpoint(Arc::clone(&probe)))
        .start()
        .await
        .expect("the server starts");
    (server, probe)
}

pub(super) async fn a_thousand_calls_get_their_own_answers(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, _) = start(&one, &target).await;
    let client = Client::new(&other, target);
    let answers =
        join_all((0..1_000).map(|number| client.call("double", &arguments(number)).into_future())).await;
    for (number, answer) in (0..1_000).zip(answers) {
        assert_eq!(answer.unwrap().as_integer(), Some(number * 2));
    }
    assert_eq!(other.pending_calls(), 0, "the reply table is empty");
    server.shutdown(SOON).await;
}

pub(super) async fn calls_dropped_at_any_moment_leave_nothing_behind(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, _) = start(&one, &target).await;
    let client = Client::new(&other, target);
    client.call("double", &arguments(1)).await.unwrap();
    for polls in 0..200 {
        // No reply ever comes, so only the drop can give the place back.
        let mut call =
            pin!(client.call("hang", &arguments(polls)).timeout(Duration::from_secs(1)).into_future());
        for _ in 0..polls % 8 {
            tokio::select! {
                biased;
                _ = &mut call => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(other.pending_calls(), 0, "dropped calls give their places back");
    assert_eq!(client.call("double", &arguments(4)).await.unwrap().as_integer(), Some(8));
    server.shutdown(Duration::ZERO).await;
}

/// Waits until `server` runs nothing.
async fn is_idle(server: &Server) -> bool {
    for _ in 0..SOON.as_millis() / 10 {
        if server.running() == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

pub(super) async fn a_dropped_call_is_dropped_at_its_server(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    if !other.capabilities().introspection {
        return;
    }
    let target = topic();
    let (server, probe) = start(&one, &target).await;
    let client = Client::new(&other, target);
    let call = tokio::spawn(client.call("wait", &arguments(1)).timeout(60 * SOON).into_future());
    probe.started.notified().await;
    call.abort();
    assert!(is_idle(&server).await, "nobody waits, and it runs on");
    assert_eq!(client.call("double", &arguments(4)).await.unwrap().as_integer(), Some(8));
    assert_eq!(other.orphan_replies(), 0, "nothing comes back");
    server.shutdown(SOON).await;
}

pub(super) async fn a_dropped_call_that_waits_is_not_started(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    if !other.capabilities().introspection {
        return;
    }
    let target = topic();
    let probe = Arc::new(Probe::default());
    let server = Server::builder(&one, target.clone().server("probe")).workers(1);
    let server = server.endpoint(ProbeEndpoint(Arc::clone(&probe))).start().await.expect("the server starts");
    let client = Client::new(&other, target);
    let busy = tokio::spawn(client.call("wait", &arguments(1)).timeout(60 * SOON).into_future());
    probe.started.notified().await;
    for number in 2..5 {
        let call = client.call("wait", &arguments(number)).timeout(60 * SOON).into_future();
        let given_up = tokio::time::timeout(Duration::from_millis(200), call).await;
        assert!(given_up.is_err(), "it waits behind the first: {given_up:?}");
    }
    // The last one is told within this.
    tokio::time::sleep(Duration::from_millis(300)).await;
    probe.finish.notify_one();
    assert_eq!(busy.await.unwrap().unwrap().as_integer(), Some(1));
    assert!(is_idle(&server).await, "what nobody waits for has started");
    server.shutdown(SOON).await;
}

pub(super) async fn a_server_that_is_shut_down_finishes_what_runs(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, probe) = start(&one, &target).await;
    let client = Client::new(&other, target);
    let running = tokio::spawn(client.call("wait", &arguments(7)).timeout(SOON).into_future());
    probe.started.notified().await;
    let stopping = tokio::spawn(server.shutdown(SOON));
    tokio::task::yield_now().await;
    probe.finish.notify_one();
    assert_eq!(running.await.unwrap().unwrap().as_integer(), Some(7));
    tokio::time::timeout(SOON, stopping).await.expect("it stops").unwrap();
}

pub(super) async fn a_typed_error_of_each_kind_comes_back(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, _) = start(&one, &target).await;
    let client = Client::new(&other, target.clone());

    match client.call("refuse", &arguments(1)).await {
        Err(CallError::Service(error)) => {
            assert_eq!(
                (error.data.as_text(), error.error_type.as_deref()),
                (Some("not today"), Some("Refused"))
            );
        }
        outcome => panic!("the service's own error was expected, this came: {outcome:?}"),
    }
    let short = Duration::from_millis(300);
    let newer = client.prepare(|settings| settings.version(Version::new(1, 3)));
    let elsewhere = client.prepare(|settings| settings.namespace("elsewhere"));
    let nobody = Client::new(&other, topic());
    let none = Value::map::<&str, Value>([]);
    let cases = [
        (client.call("panic", &arguments(1)), Code::Panicked, Executed::Executed),
        (client.call("large", &arguments(1)), Code::TooLarge, Executed::Executed),
        (client.call("hang", &arguments(1)).timeout(short), Code::DeadlineExceeded, Executed::Unknown),
        (client.call("missing", &arguments(1)), Code::NoSuchMethod, Executed::NotSent),
        (client.call("double", &none), Code::InvalidArguments, Executed::NotSent),
        (newer.call("double", &arguments(1)), Code::UnsupportedVersion, Executed::NotSent),
        (elsewhere.call("double", &arguments(1)), Code::UnsupportedVersion, Executed::NotSent),
        (nobody.call("double", &arguments(1)), Code::Unroutable, Executed::NotSent),
    ];
    for (call, code, executed) in cases {
        match call.await {
            Err(CallError::Rpc(error)) => {
                assert_eq!((error.code(), error.executed()), (code, executed), "{error}");
                assert!(
                    error.service().is_some() && error.method().is_some() && error.request_id().is_some()
                );
            }
            outcome => panic!("{code} was expected, this came: {outcome:?}"),
        }
    }
    assert_eq!(client.call("double", &arguments(2)).await.unwrap().as_integer(), Some(4), "it serves on");
    server.shutdown(SOON).await;
}

/// Long enough for a busy machine.
const SILENCE: Duration = Duration::from_secs(2);

pub(super) async fn a_long_call_lasts_while_its_server_is_heard(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, probe) = start(&one, &target).await;
    let client = Client::new(&other, target);
    let long = client.call("wait", &arguments(7)).timeout(60 * SILENCE).call_monitor(SILENCE);
    let long = tokio::spawn(long.into_future());
    tokio::time::sleep(2 * SILENCE).await;
    probe.finish.notify_one();
    assert_eq!(long.await.unwrap().unwrap().as_integer(), Some(7));
    assert_eq!((other.pending_calls(), other.orphan_replies()), (0, 0));
    server.shutdown(SOON).await;
}

pub(super) async fn a_long_call_ends_in_silence(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    let long = Client::new(&other, target).call("wait", &arguments(7));
    let long = tokio::spawn(long.timeout(60 * SILENCE).call_monitor(SILENCE).into_future());
    let delivery = next(&mut server).await;
    assert_eq!(request_of(&delivery).call_monitor, Some(SILENCE));
    let ended = tokio::time::timeout(SILENCE + SOON, long).await.expect("it is given up").unwrap();
    match ended {
        Err(CallError::Rpc(error)) => {
            assert_eq!((error.code(), error.executed()), (Code::Unresponsive, Executed::Unknown), "{error}");
        }
        outcome => panic!("nobody answers, and this came: {outcome:?}"),
    }
    assert_eq!(other.pending_calls(), 0);
}

pub(super) async fn progress_is_heard_before_the_result(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (server, _) = start(&one, &target).await;
    let client = Client::new(&other, target);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let count = client.call("count", &arguments(20)).timeout(SOON);
    let count = count.on_progress(move |value| told.lock().unwrap().push(value.as_integer()));
    assert_eq!(count.await.unwrap(), Value::Bool(true));
    assert_eq!(*heard.lock().unwrap(), (0..20).map(Some).collect::<Vec<_>>());
    let unheard = client.call("count", &arguments(20)).timeout(SOON).await.unwrap();
    assert_eq!(unheard, Value::Bool(false), "nothing is sent to who does not listen");
    assert_eq!((other.pending_calls(), other.orphan_replies()), (0, 0));
    server.shutdown(SOON).await;
}

pub(super) async fn the_answers_of_all_servers_are_gathered(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let (mut servers, names) = (Vec::new(), ["first", "second", "third"]);
    for (transport, name) in [&one, &other, &one].into_iter().zip(names) {
        let endpoint = ProbeEndpoint(Arc::default());
        let server = Server::builder(transport, target.clone().server(name)).endpoint(endpoint).start();
        servers.push(server.await.expect("the server starts"));
    }
    let client = Client::new(&other, target.clone());
    let doubled = client.gather("double", &arguments(4)).timeout(SOON).expected_servers(names);
    let mut answers = doubled.await.expect("the broker takes it").all().await;
    answers.sort_by(|one, other| one.server.cmp(&other.server));
    let read: Vec<_> = answers
        .iter()
        .map(|answer| (answer.server.as_deref(), answer.result.as_ref().ok().and_then(Value::as_integer)))
        .collect();
    assert_eq!(read, names.map(|name| (Some(name), Some(8))), "each server answers once");
    let failures =
        client.gather("refuse", &arguments(1)).timeout(SOON).expected(3).await.unwrap().all().await;
    assert_eq!(failures.len(), 3);
    assert!(
        failures.iter().all(|answer| matches!(answer.result, Err(CallError::Service(_)))),
        "{failures:?}"
    );

    let second = client.prepare(|settings| settings.server("second"));
    let mut answers = second.gather("double", &arguments(5)).timeout(SOON).await.unwrap();
    assert_eq!(answers.next().await.and_then(|answer| answer.server).as_deref(), Some("second"));
    assert!(answers.next().await.is_none(), "one server has one answer");
    assert_eq!(other.pending_calls(), 0, "the reply table is empty");
    for server in servers {
        server.shutdown(SOON).await;
    }
}
