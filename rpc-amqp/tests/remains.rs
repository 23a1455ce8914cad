//! Nothing is left of a connection that did not come about. Alone in its process, which is counted through.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;

/// Descriptors and threads of this process.
fn held() -> (usize, usize) {
    let count = |folder| std::fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_left_of_fifty_dials_into_silence() {
    // The system accepts, and nobody ever reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqp://guest:guest@{}", silent.local_addr().unwrap());
    let dial = || async {
        let limit = Duration::from_millis(500);
        let error =
            AmqpTransport::builder(&url).connection_timeout(limit).connect().await.map(drop).unwrap_err();
        assert!(error.message().contains("no login in time"), "{error}");
    };
    // What is made once and kept.
    dial().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = held();
    let started = Instant::now();
    futures_util::future::join_all((0..25).map(|_| dial())).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    // Two connections each.
    let ended = Instant::now();
    while held() != before {
        assert!(ended.elapsed() < Duration::from_secs(1), "{:?} after {before:?}", held());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
