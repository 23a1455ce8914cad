//! Every pool gets every notification.

use std::sync::Arc;

use super::Harness;
use super::support::{consume, next, payload, publish, stays_quiet, two, unique};
use crate::message::{Message, NotificationMessage};
use crate::priority::Priority;
use crate::target::Target;
use crate::transport::{Consumer, Destination, SharedTransport, Source, Subscription};

async fn notify(transport: &SharedTransport, topic: &str, priority: Priority, event_type: &str) {
    let exchange = Target::DEFAULT_EXCHANGE.to_owned();
    let destination = Destination::Notification { exchange, topic: topic.to_owned(), priority };
    let message = NotificationMessage {
        priority,
        ..NotificationMessage::new("publisher", event_type, payload("event"))
    };
    publish(transport, &destination, Message::from(message)).await.unwrap();
}

async fn listen(transport: &SharedTransport, topic: &str, pool: Option<&str>) -> Box<dyn Consumer> {
    let subscription =
        Subscription { pool: pool.map(str::to_owned), ..Subscription::new(vec![topic.to_owned()]) };
    consume(transport, Source::Notifications(subscription), 5).await
}

async fn next_event(listener: &mut Box<dyn Consumer>) -> String {
    let (message, acknowledger) = next(listener).await.into_parts();
    acknowledger.ack().unwrap();
    match message {
        Ok(Message::Notification(notification)) => notification.event_type.clone(),
        other => panic!("a notification was expected, this came: {other:?}"),
    }
}

pub(super) async fn listeners_of_a_pool_share_and_pools_get_all(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = unique("notifications");
    let (mut first, mut second) =
        (listen(&one, &topic, Some("shared")).await, listen(&other, &topic, Some("shared")).await);
    let (mut alone, mut unnamed) =
        (listen(&one, &topic, Some("alone")).await, listen(&other, &topic, None).await);
    let events: Vec<String> = (10..30).map(|number| number.to_string()).collect();
    for event in &events {
        notify(&one, &topic, Priority::Info, event).await;
    }
    let mut shared = Vec::new();
    for _ in &events {
        tokio::select! {
            event = next_event(&mut first) => shared.push(event),
            event = next_event(&mut second) => shared.push(event),
        }
    }
    shared.sort();
    assert_eq!(shared, events, "the listeners of a pool see each event once between them");
    for listener in [&mut alone, &mut unnamed] {
        for event in &events {
            assert_eq!(next_event(listener).await, *event);
        }
    }
    for listener in [&mut first, &mut second, &mut alone, &mut unnamed] {
        stays_quiet(listener).await;
    }
}

pub(super) async fn a_notification_before_the_first_listener_is_kept(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = unique("notifications");
    notify(&one, &topic, Priority::Warn, "early").await;
    assert_eq!(next_event(&mut listen(&other, &topic, None).await).await, "early");
}

pub(super) async fn what_came_before_anybody_listened_is_kept_for_the_default_pool_alone(
    harness: Arc<dyn Harness>,
) {
    let (one, other) = two(&harness).await;
    let topic = unique("notifications");
    notify(&one, &topic, Priority::Info, "early").await;
    let mut pool = listen(&other, &topic, Some("pool")).await;
    for event in ["first", "second"] {
        notify(&one, &topic, Priority::Info, event).await;
        assert_eq!(next_event(&mut pool).await, event);
    }
    let mut unnamed = listen(&other, &topic, None).await;
    assert_eq!(next_event(&mut unnamed).await, "early");
    notify(&one, &topic, Priority::Info, "third").await;
    for listener in [&mut pool, &mut unnamed] {
        assert_eq!(next_event(listener).await, "third", "what a pool has taken goes to nobody besides");
        stays_quiet(listener).await;
    }
}

pub(super) async fn a_pool_keeps_what_comes_while_its_listener_is_away(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = unique("notifications");
    let mut listener = listen(&other, &topic, Some("pool")).await;
    listener.stop().await;
    listener.close().await;
    notify(&one, &topic, Priority::Info, "meanwhile").await;
    assert_eq!(next_event(&mut listen(&other, &topic, Some("pool")).await).await, "meanwhile");
}

pub(super) async fn priorities_and_topics_are_apart(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let (topic, other_topic) = (unique("notifications"), unique("notifications"));
    let errors = Subscription { priorities: vec![Priority::Error], ..Subscription::new(vec![topic.clone()]) };
    let mut errors = consume(&other, Source::Notifications(errors), 5).await;
    let both = Subscription::new(vec![topic.clone(), other_topic.clone()]);
    let both = Subscription { pool: Some("both".to_owned()), ..both };
    let mut both = consume(&other, Source::Notifications(both), 5).await;
    notify(&one, &topic, Priority::Info, "info").await;
    notify(&one, &other_topic, Priority::Error, "elsewhere").await;
    notify(&one, &topic, Priority::Error, "error").await;
    assert_eq!(next_event(&mut errors).await, "error");
    stays_quiet(&mut errors).await;
    let mut seen = [next_event(&mut both).await, next_event(&mut both).await, next_event(&mut both).await];
    seen.sort();
    assert_eq!(seen, ["elsewhere", "error", "info"]);
}
