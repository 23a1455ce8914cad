//! Servers that start and stop. A name begins with the rows of `docs/conformance.md` that it shows.

use std::time::Duration;

use rpc_core::{Code, Executed, MemoryTransport};

use crate::support::{WorkClient, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn rs_03_16_19_20_a_server_ends_once_and_another_takes_its_place() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let work = WorkClient::new(&transport, target()).prepare(|it| it.fail_fast_no_consumers(true));
    let start = async || builder(&transport.broker().connect().into(), "a", &worker).start().await.unwrap();
    let first = start().await;
    assert_eq!(work.double(1).await.unwrap(), 2);
    first.shutdown(SECOND).await;
    let error = work.double(2).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent), "nobody listens");

    let second = start().await;
    assert_eq!(work.double(3).await.unwrap(), 6);
    drop(second);
    settle().await;
    assert_eq!(work.double(4).await.unwrap_err().code(), Code::Unroutable);
    assert_eq!(worker.lines(), ["double 1", "double 3"]);
}

#[tokio::test(start_paused = true)]
async fn dv_26_a_call_does_not_run_again_when_its_server_is_gone() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let start = async |name| builder(&transport.broker().connect().into(), name, &worker).start().await;
    let first = start("a").await.unwrap();
    let work = WorkClient::new(&transport, target());
    let call = tokio::spawn(work.wait("x".to_owned()).timeout(9 * SECOND).into_future());
    settle().await;
    drop(first);
    settle().await;
    let _second = start("b").await.unwrap();
    worker.permits.add_permits(9);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.executed(), Executed::Unknown, "{error}");
    assert_eq!(worker.lines(), ["start x"]);
    assert_eq!(work.double(1).await.unwrap(), 2, "the next one serves");
}
