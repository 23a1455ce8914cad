//! What is handed out, and what comes again.

use std::sync::Arc;

use super::Harness;
use super::support::{method, next, next_method, request_of, send, serve, stays_quiet, topic, two};
use crate::error::Code;

pub(super) async fn no_more_than_the_prefetch_is_handed_out(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 2).await;
    for number in 0..4 {
        send(&one, &target, &format!("m{number}")).await.unwrap();
    }
    let (first, second) = (next(&mut server).await, next(&mut server).await);
    stays_quiet(&mut server).await;
    first.ack().unwrap();
    let third = next(&mut server).await;
    assert_eq!(method(&third), "m2");
    stays_quiet(&mut server).await;
    second.ack().unwrap();
    third.ack().unwrap();
    assert_eq!(next_method(&mut server).await, "m3");
}

pub(super) async fn a_dropped_delivery_comes_again(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    send(&one, &target, "again").await.unwrap();
    let first = next(&mut server).await;
    let (message_id, attempt) = (request_of(&first).message_id.clone(), request_of(&first).context.attempt);
    assert!(!first.is_redelivered() && attempt == 1, "the first delivery is not marked as a repeated one");
    drop(first);
    let second = next(&mut server).await;
    assert!(second.is_redelivered(), "a repeated delivery is marked");
    assert_eq!(request_of(&second).message_id, message_id);
    assert!(request_of(&second).context.attempt > 1, "the handler can see that it is not the first");
    second.ack().unwrap();
    stays_quiet(&mut server).await;
}

pub(super) async fn a_requeued_delivery_comes_again(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut first = serve(&one, &target, 1).await;
    send(&one, &target, "again").await.unwrap();
    let delivery = next(&mut first).await;
    first.stop().await;
    let mut second = serve(&other, &target, 1).await;
    delivery.requeue().unwrap();
    assert_eq!(next_method(&mut second).await, "again");
}

pub(super) async fn a_rejected_delivery_does_not_come_again(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    send(&one, &target, "bad").await.unwrap();
    send(&one, &target, "good").await.unwrap();
    next(&mut server).await.reject(Code::Malformed, "for the test").unwrap();
    assert_eq!(next_method(&mut server).await, "good");
    stays_quiet(&mut server).await;
}

pub(super) async fn an_acknowledged_delivery_does_not_come_again(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 10).await;
    for number in 0..3 {
        send(&one, &target, &format!("m{number}")).await.unwrap();
    }
    // Settled out of order, and one not at all.
    let (first, second, third) = (next(&mut server).await, next(&mut server).await, next(&mut server).await);
    third.ack().unwrap();
    first.ack().unwrap();
    server.stop().await;
    server.close().await;
    drop(second);
    let mut later = serve(&other, &target, 10).await;
    assert_eq!(next_method(&mut later).await, "m1");
    stays_quiet(&mut later).await;
}

pub(super) async fn a_dropped_consumer_gives_everything_back(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut first = serve(&one, &target, 10).await;
    for number in 0..3 {
        send(&one, &target, &format!("m{number}")).await.unwrap();
    }
    let held = next(&mut first).await;
    drop(first);
    let mut second = serve(&other, &target, 10).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(next_method(&mut second).await);
    }
    seen.sort();
    assert_eq!(seen, ["m0", "m1", "m2"]);
    assert!(held.ack().is_err(), "what was given back can no longer be settled");
    stays_quiet(&mut second).await;
}

pub(super) async fn a_stopped_consumer_gives_back_what_was_not_taken(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut first = serve(&one, &target, 10).await;
    for number in 0..3 {
        send(&one, &target, &format!("m{number}")).await.unwrap();
    }
    let taken = next(&mut first).await;
    let taken_method = method(&taken);
    first.stop().await;
    assert!(first.next().await.is_none(), "a stopped consumer hands nothing out");
    let mut second = serve(&other, &target, 10).await;
    let mut seen = vec![next_method(&mut second).await, next_method(&mut second).await];
    taken.ack().expect("what was taken can still be settled");
    first.close().await;
    stays_quiet(&mut second).await;
    seen.push(taken_method);
    seen.sort();
    assert_eq!(seen, ["m0", "m1", "m2"]);
}

pub(super) async fn order_is_kept_between_one_sender_and_one_consumer(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 50).await;
    for number in 0..50 {
        send(&one, &target, &number.to_string()).await.unwrap();
    }
    for number in 0..50 {
        assert_eq!(next_method(&mut server).await, number.to_string());
    }
}
