//! What becomes of requests when a server stops.

use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::{Code, Executed, MemoryTransport};
use tokio::time::Instant;

use crate::support::{WorkClient, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_has_not_started_goes_to_another_server() {
    let transport = MemoryTransport::new();
    let (leaving, staying) = (Worker::new(), Worker::new());
    let first = builder(transport.as_ref(), "a", &leaving).workers(2).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let calls = tokio::spawn(join_all((0..10).map(|number| work.wait(number.to_string()).into_future())));
    settle().await;
    let _second = builder(transport.as_ref(), "b", &staying).start().await.unwrap();
    let stopping = tokio::spawn(first.shutdown(60 * SECOND));
    settle().await;
    assert!(!stopping.is_finished(), "it waits for what runs");
    leaving.permits.add_permits(10);
    staying.permits.add_permits(10);
    let answers = calls.await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "an orderly stop fails no call: {answers:?}");
    stopping.await.unwrap();
    assert_eq!((leaving.lines().len(), staying.lines().len()), (4, 16), "each ran once, start and end");
}

#[tokio::test(start_paused = true)]
async fn rs_22_the_grace_is_kept() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let call = tokio::spawn(work.wait("long".to_owned()).timeout(60 * SECOND).into_future());
    settle().await;
    let started = Instant::now();
    server.shutdown(5 * SECOND).await;
    assert!((5 * SECOND..=7 * SECOND).contains(&started.elapsed()), "{:?}", started.elapsed());
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::Unknown));
    assert_eq!(worker.cancelled(), 1);
}

#[tokio::test(start_paused = true)]
async fn casts_and_idempotent_calls_that_are_cut_short_run_again_elsewhere() {
    let transport = MemoryTransport::new();
    let (leaving, staying) = (Worker::new(), Worker::new());
    let first = builder(transport.as_ref(), "a", &leaving).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    work.note("cast".to_owned()).await.unwrap();
    let call = tokio::spawn(work.wait_idempotent("call".to_owned()).timeout(60 * SECOND).into_future());
    settle().await;
    first.shutdown(Duration::ZERO).await;
    staying.permits.add_permits(2);
    let _second = builder(transport.as_ref(), "b", &staying).start().await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), 2, "the handler sees that it is the second attempt");
    settle().await;
    let mut lines = staying.lines();
    lines.sort();
    assert_eq!(lines, ["end call 2", "end cast 2", "start call 2", "start cast 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_server_stops_at_once() {
    let transport = MemoryTransport::new();
    let (leaving, staying) = (Worker::new(), Worker::new());
    let first = builder(&transport.broker().connect().into(), "a", &leaving).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    work.note("cast".to_owned()).await.unwrap();
    settle().await;
    drop(first);
    staying.permits.add_permits(1);
    let _second = builder(transport.as_ref(), "b", &staying).start().await.unwrap();
    settle().await;
    assert_eq!(staying.lines(), ["start cast 2", "end cast 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_cast_to_one_server_that_is_cut_short_comes_again() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let first = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    let work = WorkClient::new(&transport, target()).prepare(|settings| settings.server("a"));
    work.note("x".to_owned()).await.unwrap();
    settle().await;
    drop(first);
    settle().await;
    worker.permits.add_permits(1);
    let _again = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    settle().await;
    assert_eq!(worker.lines(), ["start x 1", "start x 2", "end x 2"]);
}
