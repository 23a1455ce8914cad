//! What one handler does harms no other request.

use std::time::{Duration, Instant};

use rpc_core::{Code, Executed};
use tests::broker::Broker;
use tests::raw::eventually;

use crate::service::{Pair, SumsClient, pair};

const SECOND: Duration = Duration::from_secs(1);

/// Calls work, and quickly.
async fn works(client: &SumsClient) {
    for number in 0..20 {
        assert_eq!(client.square(number).timeout(SECOND).await.unwrap(), number * number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_harms_nobody() {
    let Pair { client, server: _server, .. } = pair(Broker::shared()).await;
    for _ in 0..100 {
        assert_eq!(client.crash().await.unwrap_err().code(), Code::Panicked);
    }
    works(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_blocked_thread_harms_nobody() {
    let Pair { client, server, transport, .. } = pair(Broker::shared()).await;
    let blocked = tokio::spawn(client.block(3_000).into_future());
    tokio::time::sleep(Duration::from_millis(200)).await;
    works(&client).await;
    blocked.await.unwrap().unwrap();
    assert_eq!(transport.status().now().epoch, 1, "the link stayed");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sleeping_past_the_deadline_harms_nobody() {
    let Pair { client, server, .. } = pair(Broker::shared()).await;
    let started = Instant::now();
    let error = client.sleep(60_000).timeout(SECOND).await.unwrap_err();
    let took = started.elapsed();
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Unknown));
    assert!((SECOND..SECOND + Duration::from_millis(250)).contains(&took), "{took:?}");
    works(&client).await;
    let idle = eventually(async || (server.running() == 0).then_some(())).await;
    assert!(idle.is_some(), "the handler was cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mebibytes_harm_nobody() {
    let Pair { client, server: _server, .. } = pair(Broker::shared()).await;
    let error = client.bytes(10 << 20).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::Executed));
    assert_eq!(client.bytes(4_000_000).await.unwrap().len(), 4_000_000);
    works(&client).await;
}
