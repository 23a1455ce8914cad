//! What is too late is not done.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::support::{next, next_method, request, request_of, send, send_request, serve, topic, two};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::Executed;
use crate::message::{Message, Request};
use crate::transport::Destination;

pub(super) async fn an_expired_request_is_not_handed_out(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut away = serve(&one, &target, 1).await;
    away.stop().await;
    away.close().await;
    let short = Request { time_to_live: Some(Duration::from_millis(100)), ..request("short") };
    send_request(&one, &target, short).await.unwrap();
    send(&one, &target, "lasting").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(next_method(&mut serve(&other, &target, 10).await).await, "lasting");
}

pub(super) async fn a_passed_deadline_sends_nothing(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 10).await;
    let destination = Destination::Request(target.clone());
    let message = Message::from(request("too late"));
    let error = one
        .transport()
        .publish(&destination, message, Deadline::after(Duration::ZERO))
        .await
        .expect_err("the deadline has passed");
    assert_eq!(error.executed(), Executed::NotSent, "{error}");
    send(&one, &target, "in time").await.unwrap();
    assert_eq!(next_method(&mut server).await, "in time");
}

pub(super) async fn the_remaining_time_travels(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&other, &target, 1).await;
    let timeout = Duration::from_secs(20);
    let context = Context { deadline: Some(Deadline::after(timeout)), ..Context::new() };
    let limited = Request { context, time_to_live: Some(timeout), ..request("limited") };
    send_request(&one, &target, limited).await.unwrap();
    let delivery = next(&mut server).await;
    let remaining = request_of(&delivery).context.deadline.expect("the deadline arrives").remaining();
    assert!(
        (Duration::from_secs(10)..=timeout).contains(&remaining),
        "{remaining:?} of {timeout:?} are left"
    );
}
