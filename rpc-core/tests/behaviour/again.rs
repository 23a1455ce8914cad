//! Requests that are sent again: which, how often, and what their callers hear.

use std::time::Duration;

use rpc_core::{Code, Executed, MemoryTransport};
use tokio::time::Instant;

use crate::faulty::{Publish, faulty, watched};
use crate::support::{WorkClient, Worker, builder, one_server, settle, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn only_an_idempotent_call_is_sent_again_when_it_is_in_doubt() {
    let (_, worker, _server, transport) = one_server().await;
    let work = WorkClient::new(&faulty(&transport, Publish::LosesRequests), target());
    worker.permits.add_permits(1);
    let attempt = work.wait_idempotent("sure".to_owned()).timeout(SECOND).await.unwrap();
    assert_eq!(attempt, 3, "nobody knows that the first two did not arrive");
    let work = WorkClient::new(&faulty(&transport, Publish::LosesRequests), target());
    let error = work.double(1).timeout(SECOND).await.unwrap_err();
    assert_eq!((error.code(), error.rpc().unwrap().executed()), (Code::Unavailable, Executed::Unknown));
    assert_eq!(worker.lines(), ["start sure 3", "end sure 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_offered_again_while_its_queue_refuses_it_and_a_cast_is_not() {
    let (_, worker, _server, transport) = one_server().await;
    let work = WorkClient::new(&faulty(&transport, Publish::RefusesRequests), target());
    let started = Instant::now();
    assert_eq!(work.double(1).timeout(SECOND).await.unwrap(), 2);
    assert_eq!(started.elapsed(), Duration::from_millis(50 + 100 + 200));
    let work = WorkClient::new(&faulty(&transport, Publish::RefusesRequests), target());
    let error = work.double(2).timeout(SECOND / 4).await.unwrap_err();
    assert_eq!((error.code(), error.rpc().unwrap().executed()), (Code::Overloaded, Executed::NotSent));
    let work = WorkClient::new(&faulty(&transport, Publish::RefusesRequests), target());
    assert_eq!(work.note("x".to_owned()).await.unwrap_err().code(), Code::Overloaded);
    assert_eq!(worker.lines(), ["double 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_doubt_stays_so_when_it_could_not_be_sent_again() {
    let (_, worker, _server, transport) = one_server().await;
    let work = WorkClient::new(&faulty(&transport, Publish::ArrivesOnce), target());
    let error = work.wait_idempotent("late".to_owned()).timeout(SECOND).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().executed(), Executed::Unknown, "{error}");
    assert_eq!(worker.lines(), ["start late 1"]);
    worker.permits.add_permits(2);
    let work = WorkClient::new(&faulty(&transport, Publish::ArrivesOnce), target());
    assert_eq!(work.wait_idempotent("sure".to_owned()).timeout(SECOND).await.unwrap(), 1, "its answer comes");
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_whose_reply_was_not_confirmed_runs_again() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let bad = faulty(&transport, Publish::FailsReplies);
    let first = builder(&bad, "a", &worker).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    let call = tokio::spawn(work.wait_idempotent("call".to_owned()).timeout(60 * SECOND).into_future());
    worker.permits.add_permits(1);
    settle().await;
    drop(first);
    let _second = builder(transport.as_ref(), "b", &worker).start().await.unwrap();
    worker.permits.add_permits(2);
    assert!(call.await.unwrap().unwrap() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_reply_does_not_keep_its_arguments() {
    let (transport, seen) = watched(&MemoryTransport::new(), Publish::Swallows);
    let work = WorkClient::new(&transport, target());
    let call = tokio::spawn(work.text("large".repeat(1_000)).into_future());
    settle().await;
    let body = seen.swallowed.lock().unwrap().pop().unwrap();
    assert!(body.len() > 5_000 && body.is_unique(), "nobody else has it");
    assert!(!call.is_finished());
}
