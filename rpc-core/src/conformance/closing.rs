//! What closing a transport leaves behind: nothing.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::support::{SOON, next, next_method, request, send, serve, soon, topic, two};
use crate::error::{Code, Executed};
use crate::message::Message;
use crate::transport::{ConsumeOptions, Destination, LinkState, Source};

const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn a_closed_transport_refuses_everything(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    one.close(GRACE).await;
    let ended = tokio::time::timeout(SOON, server.next()).await.expect("consumers end with the transport");
    assert!(ended.is_none(), "a closed transport delivers nothing");
    let destination = Destination::Request(target.clone());
    let error = one.transport().publish(&destination, Message::from(request("late")), soon()).await;
    let error = error.expect_err("it is closed");
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
    let error = one
        .transport()
        .consume(Source::Requests(target), ConsumeOptions::new())
        .await
        .err()
        .expect("it is closed");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
}

pub(super) async fn closing_gives_back_what_was_unsettled(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut first = serve(&one, &target, 1).await;
    send(&other, &target, "kept").await.unwrap();
    let held = next(&mut first).await;
    one.close(GRACE).await;
    assert_eq!(next_method(&mut serve(&other, &target, 1).await).await, "kept");
    assert!(held.ack().is_err(), "what was given back can no longer be settled");
}

pub(super) async fn the_status_follows(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let mut status = one.status();
    let connected =
        tokio::time::timeout(SOON, status.wait_for(|status| status.state == LinkState::Connected));
    assert!(connected.await.expect("it connects soon").expect("it is open").epoch > 0);
    one.close(GRACE).await;
    let closed =
        tokio::time::timeout(SOON, status.wait_for(|status| status.state == LinkState::Closed)).await;
    assert!(closed.expect("it closes soon").is_some());
    assert_ne!(other.status().now().state, LinkState::Closed, "another connection stays");
}
