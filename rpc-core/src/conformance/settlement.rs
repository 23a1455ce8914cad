//! What is handed out, and what comes again.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::support::{
    QUIET, SOON, consume, method, next, next_method, payload, publish, request, request_of, send,
    send_request, serve, soon, stays_quiet, topic, two, unique,
};
use crate::dead_letters::DeadLetters;
use crate::error::Code;
use crate::identity::CorrelationId;
use crate::message::{Message, NotificationMessage, Request};
use crate::priority::Priority;
use crate::reply_address::ReplyAddress;
use crate::target::Target;
use crate::transport::{Destination, Source, Subscription};
use crate::version::Version;

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

pub(super) async fn a_retried_delivery_comes_last_and_is_counted(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    for method in ["again", "later"] {
        send(&one, &target, method).await.unwrap();
    }
    // Whatever was counted before is replaced.
    next(&mut server).await.requeue().unwrap();
    next(&mut server).await.retry(5).unwrap();
    assert_eq!(next_method(&mut server).await, "later", "it gives way to what was sent after it");
    let again = next(&mut server).await;
    assert_eq!((method(&again).as_str(), request_of(&again).context.attempt), ("again", 5));
    assert!(!again.is_redelivered(), "what was counted is not to be counted again");
    again.requeue().unwrap();
    let again = next(&mut server).await;
    assert_eq!((again.is_redelivered(), request_of(&again).context.attempt), (true, 6), "it counts on");
    again.ack().unwrap();
    stays_quiet(&mut server).await;
}

pub(super) async fn a_retried_delivery_keeps_what_it_was(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    // A second queue on the same way in must not get it twice.
    let mut elsewhere = serve(&other, &target.clone().server("elsewhere"), 1).await;
    let mut sent = Request {
        reply_to: Some((ReplyAddress::random("retry"), CorrelationId::parse("any").unwrap())),
        namespace: Some("space".into()),
        version: Version::new(3, 1),
        ..request("again")
    };
    sent.context.deadline = Some(soon());
    sent.context.idempotency_key = Some("key".to_owned());
    sent.context.metadata.insert("user", "ada").unwrap();
    send_request(&one, &target, sent.clone()).await.unwrap();
    next(&mut server).await.retry(2).unwrap();
    let again = next(&mut server).await;
    let arrived = request_of(&again);
    assert_eq!(arrived.message_id, sent.message_id);
    assert_eq!((&arrived.reply_to, &arrived.namespace), (&sent.reply_to, &sent.namespace));
    assert_eq!((&arrived.method, arrived.version), (&sent.method, sent.version));
    assert_eq!((&arrived.arguments, arrived.durable), (&sent.arguments, sent.durable));
    assert_eq!(arrived.context.request_id, sent.context.request_id);
    assert_eq!(arrived.context.idempotency_key, sent.context.idempotency_key);
    assert_eq!(arrived.context.metadata, sent.context.metadata);
    assert!(arrived.context.deadline.is_some());
    again.ack().unwrap();
    // What may wait only for a while does so as a copy, too.
    let time_to_live = Some(Duration::from_millis(300));
    send_request(&one, &target, Request { time_to_live, ..request("short") }).await.unwrap();
    let short = next(&mut server).await;
    send(&one, &target, "holds the place").await.unwrap();
    short.retry(2).unwrap();
    let holding = next(&mut server).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    holding.ack().unwrap();
    stays_quiet(&mut server).await;
    stays_quiet(&mut elsewhere).await;
}

pub(super) async fn a_retried_notification_is_counted(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = unique("retried");
    let subscription = |pool: &str| {
        let mut subscription = Subscription::new(vec![topic.clone()]);
        subscription.pool = Some(pool.to_owned());
        Source::Notifications(subscription)
    };
    let mut listener = consume(&one, subscription("one"), 10).await;
    let mut bystander = consume(&other, subscription("other"), 10).await;
    let destination = Destination::Notification {
        exchange: Target::DEFAULT_EXCHANGE.to_owned(),
        topic: topic.clone(),
        priority: Priority::Info,
    };
    let event = NotificationMessage::new("p", "again", payload("event"));
    publish(&one, &destination, Message::from(event.clone())).await.unwrap();
    next(&mut listener).await.retry(3).unwrap();
    let again = next(&mut listener).await;
    let Ok(Message::Notification(arrived)) = again.message() else { panic!("another message: {again:?}") };
    assert_eq!((&arrived.message_id, arrived.context.attempt), (&event.message_id, 3));
    assert!(!again.is_redelivered());
    again.ack().unwrap();
    next(&mut bystander).await.ack().unwrap();
    stays_quiet(&mut bystander).await;
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

pub(super) async fn what_is_rejected_is_kept_where_that_is_declared(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    send(&one, &target, "bad").await.unwrap();
    next(&mut server).await.reject(Code::Malformed, "for the test").unwrap();
    let dead_letters = DeadLetters::new(&other);
    let counted = async {
        loop {
            match dead_letters.topics([target.topic_name()]).await {
                Ok(counted) if counted.is_empty() => tokio::time::sleep(QUIET / 20).await,
                counted => break counted,
            }
        }
    };
    let counted = tokio::time::timeout(SOON, counted).await.expect("it is put away soon");
    if one.capabilities().dead_letters {
        assert_eq!(counted.unwrap(), [(target.topic_name().to_owned(), 1)]);
    } else {
        assert!(!counted.unwrap_err().is_retryable(), "who asks is told that there are none");
    }
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
