//! Progress: what a caller hears of a long method before its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::introspection::InterfaceDescription;
use rpc_core::{
    CallError, Client, Code, ContentType, Context, MemoryTransport, Progress, Server, Target, Value, service,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::support::settle;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Step {
    done: u32,
    of: u32,
}

#[derive(Debug, Deserialize, Serialize, thiserror::Error)]
#[error("no such node")]
struct Unknown;

#[service]
trait Deploy {
    /// Takes a second for each step, and tells each.
    #[call(timeout = "10m", call_monitor = "5s")]
    async fn deploy(&self, ctx: &Context, progress: &Progress<Step>, steps: u32) -> Result<bool, Unknown>;
    /// Tells all at once.
    #[call]
    async fn count(&self, progress: &Progress<u32>, numbers: u32) -> u32;
    /// Tells something after its end.
    #[call]
    async fn late(&self, progress: &Progress<u32>);
    /// Tells nothing.
    #[call]
    async fn silent(&self, milliseconds: u64);
}

struct Manager;

impl Deploy for Manager {
    async fn deploy(&self, ctx: &Context, progress: &Progress<Step>, steps: u32) -> Result<bool, Unknown> {
        assert!(ctx.deadline.is_some());
        for done in 1..=steps {
            tokio::time::sleep(SECOND).await;
            progress.send(&Step { done, of: steps });
        }
        if steps == 0 { Err(Unknown) } else { Ok(progress.is_heard()) }
    }

    async fn count(&self, progress: &Progress<u32>, numbers: u32) -> u32 {
        let started = Instant::now();
        for number in 0..numbers {
            progress.send(&number);
        }
        assert_eq!(started.elapsed(), Duration::ZERO, "it never waits");
        numbers
    }

    async fn late(&self, progress: &Progress<u32>) {
        let progress = progress.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SECOND).await;
            assert!(!progress.is_heard());
            progress.send(&1);
        });
    }

    async fn silent(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

async fn one_server() -> (DeployClient, Server, MemoryTransport) {
    let transport = MemoryTransport::new();
    let target = Target::topic("deploy");
    let server =
        Server::builder(&transport.broker().connect(), target.clone()).endpoint(Manager.into_endpoint());
    (DeployClient::new(&transport, target), server.start().await.unwrap(), transport)
}

/// What was heard, and where to put it.
fn ear<T: Send + 'static>() -> (Arc<Mutex<Vec<T>>>, impl FnMut(T) + Send + 'static) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    (heard, move |value| ear.lock().unwrap().push(value))
}

#[tokio::test(start_paused = true)]
async fn it_is_heard_as_it_happens_and_before_the_result() {
    let (client, _server, transport) = one_server().await;
    let (heard, mut hear) = ear();
    let started = Instant::now();
    let call = client.deploy(20).on_progress(move |step: Step| hear((started.elapsed().as_secs(), step)));
    assert!(call.await.unwrap(), "somebody listens");
    let expected: Vec<_> = (1..=20).map(|done| (u64::from(done), Step { done, of: 20 })).collect();
    assert_eq!(*heard.lock().unwrap(), expected);
    assert_eq!((transport.as_ref().pending_calls(), transport.as_ref().orphan_replies()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_listen_is_sent_nothing() {
    let (client, _server, _transport) = one_server().await;
    assert!(!client.deploy(3).await.unwrap());
    let (heard, hear) = ear::<Step>();
    let error = client.deploy(0).on_progress(hear).await.unwrap_err();
    assert!(matches!(error, CallError::Service(Unknown)) && heard.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_too_many_the_oldest_are_lost() {
    let (client, _server, _transport) = one_server().await;
    let (heard, hear) = ear();
    assert_eq!(client.count(1_000).on_progress(hear).await.unwrap(), 1_000);
    assert_eq!(*heard.lock().unwrap(), (936..1_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_slow_caller_hears_the_latest() {
    let (client, _server, _transport) = one_server().await;
    let (heard, mut hear) = ear();
    let mut call = Box::pin(client.deploy(100).on_progress(move |step: Step| hear(step.done)).into_future());
    // It is not looked at while all of it comes.
    assert!(tokio::time::timeout(Duration::ZERO, &mut call).await.is_err());
    tokio::time::sleep(200 * SECOND).await;
    assert!(call.await.unwrap());
    assert_eq!(*heard.lock().unwrap(), (37..=100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_after_the_result() {
    let (client, _server, transport) = one_server().await;
    let (heard, hear) = ear();
    client.late().on_progress(hear).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    settle().await;
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!(transport.as_ref().orphan_replies(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_comes_untyped_and_what_does_not_fit_is_left_out() {
    let (client, _server, transport) = one_server().await;
    let untyped = Client::new(&transport, Target::topic("deploy"));
    for content_type in ContentType::ALL {
        let (heard, mut hear) = ear();
        let untyped = untyped.prepare(|settings| settings.content_type(*content_type));
        let call = untyped.call("count", &Value::map([("numbers", 3)]));
        call.on_progress(move |value| hear(value.as_integer())).await.unwrap();
        assert_eq!(*heard.lock().unwrap(), [Some(0), Some(1), Some(2)]);
    }
    let (heard, hear) = ear::<String>();
    let interface = DeployClient::INTERFACE;
    let count = &interface.methods[1];
    let typed: &Client = client.as_ref();
    let call = typed
        .start_call_with_progress::<u32, rpc_core::NoError, String>(count, &Value::map([("numbers", 3)]));
    assert_eq!(call.on_progress(hear).await.unwrap(), 3);
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!((count.progress, interface.methods[3].progress), (Some("u32"), None));
    let described = InterfaceDescription::new(&interface).methods;
    let deploy = &described[0];
    assert_eq!(deploy.progress.as_ref().map(|told| told.type_name.as_str()), Some("Step"));
    assert_eq!((deploy.timeout_ms, deploy.call_monitor_ms), (Some(600_000), Some(5_000)));
    assert_eq!((&described[3].progress, described[3].call_monitor_ms), (&None, None));
}

#[tokio::test(start_paused = true)]
async fn who_listens_to_a_method_that_tells_nothing_hears_nothing() {
    let (_client, _server, transport) = one_server().await;
    let (heard, hear) = ear();
    let untyped = Client::new(&transport, Target::topic("deploy"));
    let call = untyped.call("silent", &Value::map([("milliseconds", 5_000)])).call_monitor(SECOND);
    call.on_progress(hear).await.unwrap();
    assert!(heard.lock().unwrap().is_empty(), "signs of life are no progress");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_hears_no_more_and_its_method_ends() {
    let (client, server, _transport) = one_server().await;
    let (heard, mut hear) = ear();
    let call = client.deploy(100).on_progress(move |step: Step| hear(step.done));
    assert!(tokio::time::timeout(5 * SECOND / 2, call.into_future()).await.is_err());
    tokio::time::sleep(SECOND / 10).await;
    assert_eq!((heard.lock().unwrap().as_slice(), server.running()), (&[1, 2][..], 0));
    server.shutdown(SECOND).await;
    let error = client.deploy(1).timeout(SECOND).on_progress(|_| {}).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().code(), Code::DeadlineExceeded);
}
