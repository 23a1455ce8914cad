//! Log events that become notifications.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::driver::{Capture, Driver, Log};
use rpc_core::{
    Background, Listener, LogRecord, MemoryTransport, NotificationLayer, Notifier, Priority, Value,
};
use tracing_subscriber::layer::SubscriberExt;

use crate::lines::Lines;

fn notifier(driver: impl Driver) -> Notifier {
    Notifier::with_drivers("publisher", [Arc::new(driver) as Arc<dyn Driver>])
}

#[tokio::test(start_paused = true)]
async fn nt_45_fn_26_a_log_event_becomes_a_logrecord_of_twelve_keys() {
    let transport = MemoryTransport::new();
    let background = Background::builder().start();
    let layer = NotificationLayer::new(&Notifier::new(&transport, "publisher"), &background);
    let layer = layer.priorities([Priority::Error, Priority::Warn, Priority::Info, Priority::Debug]);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    tracing::error!("e");
    tracing::warn!(node = 7, token = "hunter2", "the node {} answers late", 7);
    tracing::info!("i");
    tracing::debug!("d");
    tracing::trace!("t");
    drop(guard);
    assert_eq!(background.shutdown(Duration::from_secs(1)).await, 0);
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let event = events.next().await.unwrap();
        assert_eq!((event.event_type(), event.publisher_id()), ("logrecord", "publisher"));
        let payload = event.payload().clone();
        seen.push((
            event.priority(),
            payload.get("levelname").unwrap().as_text().unwrap().to_owned(),
            payload,
        ));
        event.ack().await.unwrap();
    }
    seen.sort_by_key(|(.., payload)| -payload.get("levelno").unwrap().as_integer().unwrap());
    let levels: Vec<_> = seen.iter().map(|(priority, level, _)| (*priority, level.as_str())).collect();
    let expected = [
        (Priority::Error, "ERROR"),
        (Priority::Warn, "WARN"),
        (Priority::Info, "INFO"),
        (Priority::Debug, "DEBUG"),
        (Priority::Debug, "TRACE"),
    ];
    assert_eq!(levels, expected);
    let warning = &seen[1].2;
    let keys: Vec<_> = warning.as_map().unwrap().keys().map(String::as_str).collect();
    let twelve = [
        "exc_info",
        "extra",
        "funcName",
        "levelname",
        "levelno",
        "lineno",
        "msg",
        "name",
        "pathname",
        "process",
        "processName",
        "thread",
    ];
    assert_eq!(keys, twelve);
    assert_eq!(warning.get("msg").unwrap().as_text(), Some("the node 7 answers late"));
    let extra = Value::map([("node", Value::from(7)), ("token", "***".into())]);
    assert_eq!(warning.get("extra"), Some(&extra));
}

#[tokio::test(start_paused = true)]
async fn nt_46_a_layer_does_not_feed_on_its_own_notifier() {
    let (lines, capture) = (Lines::default(), Capture::new());
    let background = Background::builder().start();
    let notifier = notifier(Log::new()).driver(capture.clone());
    let layer = NotificationLayer::new(&notifier, &background).ignore("a_library");
    let guard = tracing::subscriber::set_default(lines.subscriber().with(layer));
    tracing::error!("once");
    tracing::error!(target: "a_library::link", "lost");
    tracing::error!(target: "a_library_of_mine", "twice");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(background.shutdown(Duration::from_secs(1)).await, 0);
    drop(guard);
    let records = capture.typed::<LogRecord>().unwrap();
    let messages: Vec<_> = records.iter().map(|record| record.msg.as_str()).collect();
    assert_eq!(messages, ["once", "twice"]);
    assert!(lines.text().contains("logrecord"), "the log driver has written them: {}", lines.text());
}

#[tokio::test(start_paused = true)]
async fn nt_47_errors_alone_can_be_published() {
    let capture = Capture::new();
    let background = Background::builder().start();
    let layer = NotificationLayer::new(&notifier(capture.clone()), &background).priorities([Priority::Error]);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    tracing::warn!("not this");
    tracing::error!("this");
    drop(guard);
    assert_eq!(background.shutdown(Duration::from_secs(1)).await, 0);
    let events = capture.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].priority, events[0].publisher_id.as_str()), (Priority::Error, "publisher"));
}
