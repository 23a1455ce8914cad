//! Notifications over a broker: many confirmed at a time, filtered, put back, and handed over in batches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Background, Filter, Listener, NotificationEndpoint, Notifier, Received, Value, WhenFull};
use tests::broker::{Broker, unique};
use tests::raw::{RawClient, eventually};

type Numbers = Arc<Mutex<Vec<(i64, u32)>>>;

async fn connect(queue_type: &str) -> AmqpTransport {
    let url = format!("{}?queue_type={queue_type}", Broker::shared().url());
    AmqpTransport::builder(url).connect().await.unwrap()
}

fn number(event: &Received<Value>) -> i64 {
    event.payload().get("number").and_then(Value::as_integer).unwrap()
}

/// Handlers that fail: each failure is an attempt, whoever counts, and the last one is a dead letter.
async fn what_is_never_handled_is_put_away(queue_type: &'static str) {
    let (transport, exchange) = (connect(queue_type).await, unique("requeue"));
    let seen = Numbers::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |event: Received<Value>| {
            seen.lock().unwrap().push((number(&event), event.attempt()));
            async move { if number(&event) == 1 { Err("the disk is full") } else { Ok(()) } }
        }
    };
    let endpoint = NotificationEndpoint::new().filter(Filter::new().payload("kind", "go")).on_any(handler);
    let server = Listener::builder(&transport, ["events"]).exchange(&exchange).delivery_limit(3);
    let server = server.endpoint(endpoint).requeue_delay(Duration::from_millis(50)).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    for (kind, number) in [("bad", 0), ("good", 1), ("good", 2)] {
        let payload = Value::map([("kind", Value::from(kind)), ("number", number.into())]);
        notifier.info("e", &payload).await.unwrap();
    }
    let raw = RawClient::connect(&Broker::shared().url()).await;
    let queue = format!("dlq.{exchange}.events");
    let dead = eventually(async || raw.get(&queue).await).await.expect("it ends in the dead-letter queue");
    assert_eq!(dead.header("dead-letter-code").as_deref(), Some("too_many_attempts"));
    let reason = dead.header("dead-letter-reason").unwrap();
    assert_eq!(reason, "attempt 3 was the last one: the disk is full");
    server.shutdown(Duration::from_secs(5)).await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [(1, 1), (1, 2), (1, 3), (2, 1)], "{queue_type}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_handled_is_put_away_from_a_classic_queue() {
    what_is_never_handled_is_put_away("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_handled_is_put_away_from_a_quorum_queue() {
    what_is_never_handled_is_put_away("quorum").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirmed_sending_pipelines_and_batches_lose_nothing() {
    const ALONE: i64 = 300;
    const TOGETHER: i64 = 6_000;
    let (transport, exchange) = (connect("quorum").await, unique("pipeline"));
    let seen = Numbers::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |batch: Vec<Received<Value>>| {
            seen.lock().unwrap().extend(batch.iter().map(|event| (number(event), event.attempt())));
            async {}
        }
    };
    let server = Listener::builder(&transport, ["events"]).exchange(&exchange).pool("store");
    let server = server.endpoint(NotificationEndpoint::new().on_any(handler));
    let server = server.batch(100, Some(Duration::from_millis(200))).start().await.unwrap();

    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    for number in 0..ALONE {
        notifier.info("e", &Value::map([("number", number)])).await.unwrap();
    }

    let background = Background::builder().when_full(WhenFull::Wait).start();
    let queued = notifier.prepare(|it| it.background(&background));
    for number in ALONE..ALONE + TOGETHER {
        queued.info("e", &Value::map([("number", number)])).await.unwrap();
    }
    assert_eq!(background.shutdown(Duration::from_secs(60)).await, 0);

    let all =
        eventually(async || (seen.lock().unwrap().len() as i64 >= ALONE + TOGETHER).then_some(())).await;
    assert!(all.is_some(), "only {} have arrived", seen.lock().unwrap().len());
    server.shutdown(Duration::from_secs(5)).await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert!(
        seen.into_iter().eq((0..ALONE + TOGETHER).map(|number| (number, 1))),
        "each once, at its first attempt"
    );
}
