//! Logs as notifications, both ways: FN-26 and NT-45.

use std::collections::BTreeSet;
use std::time::Duration;

use rpc_core::{Background, Listener, LogRecord, NotificationLayer, Notifier, Priority};
use serde_json::json;
use tests::broker::{Broker, unique};
use tracing_subscriber::layer::SubscriberExt;

use crate::python::Python;
use crate::service::connect;

const SOON: Duration = Duration::from_secs(10);
const KEYS: [&str; 12] = [
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

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_26_nt_45_our_log_arrives_in_python() {
    let (broker, topic) = (Broker::shared(), unique("log"));
    let transport = connect(broker, "").await;
    let mut python = Python::listener(broker, &json!({ "topics": [topic] }));
    let background = Background::builder().start();
    let notifier = Notifier::new(&transport, "conductor.cell-1").topics([&*topic]);
    let layer = NotificationLayer::new(&notifier, &background);
    let layer = layer.priorities([Priority::Error, Priority::Warn, Priority::Info, Priority::Debug]);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("at error");
        tracing::warn!(node = 7, "at warn");
        tracing::info!("at info");
        tracing::debug!("at debug");
    });
    assert_eq!(background.shutdown(SOON).await, 0);

    let mut levels = BTreeSet::new();
    for _ in 0..4 {
        let event = python.perform(&json!("next")).unwrap();
        assert_eq!(
            (&event["event_type"], &event["publisher_id"]),
            (&json!("logrecord"), &json!("conductor.cell-1"))
        );
        let (priority, record) = (event["priority"].as_str().unwrap(), event["payload"].as_object().unwrap());
        assert_eq!(record.keys().map(String::as_str).collect::<Vec<_>>(), KEYS);
        assert_eq!(record["levelname"].as_str().map(str::to_lowercase).as_deref(), Some(priority));
        assert_eq!(record["msg"], json!(format!("at {priority}")));
        levels.insert(priority.to_owned());
    }
    assert_eq!(levels, ["debug", "error", "info", "warn"].map(str::to_owned).into());
    python.stop();
}

/// What Python's handler sends through a driver, as a listener for records reads it.
async fn python_logs(driver: &str) {
    let (broker, topic) = (Broker::shared(), unique("log"));
    let transport = connect(broker, "").await;
    let mut python = Python::start("log_notifier.py", &[&Python::url(broker, "/", ""), driver, &topic]);
    let levels = [
        ("debug", Priority::Debug),
        ("info", Priority::Info),
        ("warning", Priority::Warn),
        ("error", Priority::Error),
        ("critical", Priority::Critical),
    ];
    let mut records = Listener::builder(&transport, [&*topic]).start::<LogRecord>().await.unwrap();
    let mut next = async || {
        let event = tokio::time::timeout(SOON, records.next()).await.expect("an event").expect("a listener");
        assert_eq!((event.event_type(), event.publisher_id()), ("logrecord", "compute.host1"));
        let (priority, record) = (event.priority(), event.payload().clone());
        event.ack().await.unwrap();
        (priority, record)
    };
    for (level, expected) in levels {
        python.perform(&json!({ "level": level, "message": format!("at {level}") })).unwrap();
        let (priority, record) = next().await;
        assert_eq!((priority, record.levelname.to_lowercase().as_str()), (expected, level));
        assert_eq!((record.name.as_str(), record.msg.clone()), ("nova.compute", format!("at {level}")));
        assert_eq!((record.func_name.as_deref(), record.exc_info), (Some("main"), None));
        assert!(record.lineno > Some(0) && record.thread.is_some() && record.extra.is_empty());
    }
    // Without an envelope Python fails to write a traceback, and sends nothing.
    if driver == "messagingv2" {
        python.perform(&json!({ "level": "exception", "message": "no such node" })).unwrap();
        let (priority, record) = next().await;
        assert_eq!(priority, Priority::Error);
        assert!(record.exc_info.is_some_and(|text| text.contains("no such node")));
    }
    // `extra` is an attribute like any other, so that it has to be given this way.
    let extra = json!({ "level": "info", "message": "m", "extra": { "extra": { "node": 7 } } });
    python.perform(&extra).unwrap();
    let (_, record) = next().await;
    assert_eq!(record.extra.get("node").and_then(rpc_core::Value::as_integer), Some(7));
    assert_eq!(records.rejected(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_26_nt_45_the_log_of_python_arrives_in_an_envelope() {
    python_logs("messagingv2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_26_nt_45_the_log_of_python_arrives_without_an_envelope() {
    python_logs("messaging").await;
}
