//! Events of one language, taken by the other.

use std::time::Duration;

use rpc_core::{Listener, Notifier, Priority, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::connect;

const SOON: Duration = Duration::from_secs(10);

/// What a Python notifier with this driver emits before anybody listens.
async fn python_events_arrive(driver: &str) {
    let (broker, topic) = (Broker::shared(), unique("events"));
    let mut notifier = Python::notifier(broker, driver, "compute.host1", &topic);
    for priority in Priority::ALL {
        let event = json!({
            "priority": priority.as_str(), "event_type": "compute.start", "payload": { "priority": priority.as_str() },
            "context": { "user": "bob", "auth_token": "secret" },
        });
        notifier.perform(&event).unwrap();
    }

    let transport = connect(broker, "").await;
    let mut events = Listener::builder(&transport, [&*topic]).start::<Value>().await.unwrap();
    let mut left = Priority::ALL.to_vec();
    while !left.is_empty() {
        let event = tokio::time::timeout(SOON, events.next()).await.expect("an event").expect("a listener");
        let priority = event.priority();
        left.retain(|other| *other != priority);
        assert_eq!((event.publisher_id(), event.event_type()), ("compute.host1", "compute.start"));
        assert_eq!(event.payload(), &Value::map([("priority", priority.as_str())]));
        assert_eq!(event.message_id().as_str().len(), 36, "a UUID with dashes");
        let metadata = &event.context().metadata;
        assert_eq!((metadata.get("user"), metadata.get("auth_token")), (Some("bob"), None));
        event.ack().await.unwrap();
    }
    notifier.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_22_dv_25_events_of_python_arrive_in_an_envelope() {
    python_events_arrive("messagingv2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_22_dv_03_events_of_python_arrive_without_an_envelope() {
    python_events_arrive("messaging").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_18_nt_43_our_events_arrive_in_every_pool_of_python() {
    let (broker, topic) = (Broker::shared(), unique("events"));
    let pool = unique("pool");
    let mut pooled = Python::listener(broker, &json!({ "topics": [topic], "pool": pool }));
    let transport = connect(broker, "").await;
    let notifier = Notifier::new(&transport, "conductor.cell-1").topics([&*topic]);
    // The first is there before the default queue has a listener.
    notifier.info("node.power_set", &Value::map([("node", 7_i64)])).await.unwrap();
    let mut default = Python::listener(broker, &json!({ "topics": [topic] }));
    for listener in [&mut pooled, &mut default] {
        let event = listener.perform(&json!({})).unwrap();
        assert_eq!((&event["priority"], &event["event_type"]), (&json!("info"), &json!("node.power_set")));
        assert_eq!(
            (&event["publisher_id"], &event["payload"]),
            (&json!("conductor.cell-1"), &json!({ "node": 7 }))
        );
        assert_eq!(event["message_id"].as_str().map(str::len), Some(36));
        assert_eq!(event["timestamp"].as_str().map(|time| &time[10..11]), Some(" "));
    }
    pooled.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_19_the_queue_of_events_is_made_by_whoever_emits_and_again_on_a_new_link() {
    let broker = Broker::start();
    let transport = connect(&broker, "").await;
    let notifier = Notifier::new(&transport, "p");
    for _ in 0..2 {
        notifier.info("e", &Value::Null).await.unwrap();
        let kept = eventually(async || {
            broker.queue("notifications.info").filter(|queue| (queue.messages, queue.consumers) == (1, 0))
        });
        assert!(kept.await.is_some(), "{:?}", broker.queues());
        // Gone with the broker's process: it is transient, as Python declares it.
        broker.stop();
        broker.start_again();
        assert_eq!(broker.queue("notifications.info"), None);
    }
    assert!(broker.queues().is_empty(), "nobody made anything since: {:?}", broker.queues());
}
