//! Nothing is left of the nodes that did not answer, while the link to the one that did lives on. Alone in its process,
//! whose descriptors and threads are counted.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use tests::broker::Broker;

const TRANSPORTS: usize = 10;

/// Descriptors and threads of this process.
fn held() -> (usize, usize) {
    let count = |folder| std::fs::read_dir(folder).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

async fn until_held(expected: (usize, usize), limit: Duration) {
    let started = Instant::now();
    while held() != expected {
        assert!(started.elapsed() < limit, "{:?} instead of {expected:?}", held());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn connect(url: &str) -> Vec<AmqpTransport> {
    let dials = (0..TRANSPORTS).map(|_| AmqpTransport::builder(url).connect());
    futures_util::future::try_join_all(dials).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_nodes_that_do_not_answer() {
    let broker = Broker::start();
    let nothing = held();
    let plain = connect(&broker.url()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let connected = held();
    for transport in plain {
        transport.close(Duration::from_secs(2)).await;
    }
    until_held(nothing, Duration::from_secs(3)).await;

    // The system accepts, and nobody ever reads. Half of them are met before the broker, by two connections each.
    let silent: Vec<_> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let hosts: String = silent.iter().map(|silent| format!(",{}", silent.local_addr().unwrap())).collect();
    let transports = connect(&format!("{}{hosts}", broker.url())).await;
    until_held((connected.0 + silent.len(), connected.1), Duration::from_secs(1)).await;
    drop(transports);
    drop(silent);
    until_held(nothing, Duration::from_secs(3)).await;
}
