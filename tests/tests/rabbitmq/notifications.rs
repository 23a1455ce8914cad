//! Notifications over a broker: many confirmed at a time, filtered, put back, and handed over in batches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{
    Background, Code, ContentType, DeadLetterFilter, DeadLetters, Filter, Listener, Notification,
    NotificationEndpoint, Notifier, Received, Value, WhenFull,
};
use serde::{Deserialize, Serialize};
use tests::broker::{Broker, unique};
use tests::raw::{RawClient, eventually};
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(10);

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

/// A batch that is larger than what the transport hands out of a queue would never fill.
#[tokio::test(flavor = "multi_thread")]
async fn a_prefetch_in_the_url_bounds_batches() {
    let url = format!("{}?prefetch=10", Broker::shared().url());
    let transport = AmqpTransport::builder(url).connect().await.unwrap();
    let exchange = unique("bounded");
    let (sizes, mut batches) = mpsc::unbounded_channel();
    let handler = move |batch: Vec<Received<i64>>| {
        sizes.send(batch.len()).unwrap();
        async {}
    };
    let builder = || Listener::builder(&transport, ["events"]).exchange(&exchange);
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let server = builder().pool("called").endpoint(endpoint).batch(20, None).start().await.unwrap();
    let mut listener = builder().pool("asking").start::<i64>().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    for number in 0..40 {
        notifier.info("e", &number).await.unwrap();
    }
    for _ in 0..4 {
        let size = tokio::time::timeout(SOON, batches.recv()).await.expect("a batch is full");
        assert_eq!(size, Some(10));
    }
    let batch = tokio::time::timeout(SOON, listener.next_batch(20, None)).await.expect("a batch is full");
    assert_eq!(batch.len(), 10);
    server.shutdown(SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefetch_is_that_of_each_topic() {
    let (transport, exchange) = (connect("classic").await, unique("each"));
    let builder = Listener::builder(&transport, ["a", "b"]).exchange(&exchange).prefetch(1);
    let mut listener = builder.start::<i64>().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["a", "b"]).exchange(&exchange);
    for number in 0..2 {
        notifier.info("e", &number).await.unwrap();
    }
    let mut in_hand = Vec::new();
    for _ in 0..2 {
        in_hand.push(tokio::time::timeout(SOON, listener.next()).await.expect("one of each topic").unwrap());
    }
    let third = tokio::time::timeout(Duration::from_millis(300), listener.next()).await;
    assert!(third.is_err(), "no more than that");
    drop(in_hand);
}

/// What a collector that was started late finds: all that came before anybody listened, and nothing that a pool has had.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_gathers_beside_a_pool() {
    let (transport, exchange) = (connect("classic").await, unique("beside"));
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    notifier.info("e", &-1).await.unwrap();
    let builder = || Listener::builder(&transport, ["events"]).exchange(&exchange);
    let mut pool = builder().pool("billing").start::<i64>().await.unwrap();
    for number in 0..100 {
        notifier.info("e", &number).await.unwrap();
        let event = tokio::time::timeout(SOON, pool.next()).await.unwrap().unwrap();
        assert_eq!(*event.payload(), number);
        event.ack().await.unwrap();
    }
    let raw = RawClient::connect(&Broker::shared().url()).await;
    let queue = format!("notify.{exchange}.events.info");
    assert!(raw.get(&queue).await.is_some(), "the first");
    assert!(raw.get(&queue).await.is_none(), "and no other");
}

#[derive(Debug, Deserialize, Notification, Serialize)]
#[notification(event_type = "node.power_set")]
struct PowerSet {
    node: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_decode_is_put_away_with_the_reason_of_serde_and_the_rest_flows() {
    let (transport, exchange) = (connect("quorum").await, unique("decoding"));
    let builder = || Listener::builder(&transport, ["events"]).exchange(&exchange);
    let mut asking = builder().pool("asking").start::<PowerSet>().await.unwrap();
    let (nodes, mut called) = mpsc::unbounded_channel();
    let handler = move |event: Received<PowerSet>| {
        nodes.send(event.payload().node).unwrap();
        async {}
    };
    let endpoint = NotificationEndpoint::new().on(handler);
    let server = builder().pool("called").endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    let json = notifier.prepare(|it| it.content_type(ContentType::Json));
    json.info("node.power_set", &Value::map([("node", "seven")])).await.unwrap();
    notifier.info("node.power_set", &Value::map([("nod", 7_i64)])).await.unwrap();
    notifier.emit(&PowerSet { node: 7 }).await.unwrap();
    let event = tokio::time::timeout(SOON, asking.next()).await.unwrap().unwrap();
    assert_eq!(event.payload().node, 7);
    event.ack().await.unwrap();
    assert_eq!(tokio::time::timeout(SOON, called.recv()).await.unwrap(), Some(7));
    let dead_letters = DeadLetters::new(&transport).exchange(&exchange);
    let all = eventually(async || {
        let seen = dead_letters.inspect("events", &DeadLetterFilter::new(), 10).await.unwrap();
        (seen.letters.len() == 4).then_some(seen.letters)
    });
    let all = all.await.expect("two for each pool");
    assert!(all.iter().all(|letter| letter.code == Code::Malformed), "{all:?}");
    for reason in ["invalid type: string \"seven\", expected u64", "missing field `node`"] {
        let of_pools = all.iter().filter(|letter| letter.reason.contains(reason)).count();
        assert_eq!(of_pools, 2, "{reason}: {all:?}");
    }
    assert_eq!((asking.rejected(), server.rejected()), (2, 2));
    server.shutdown(SOON).await;
}

/// Publishers that send side by side, each of which waits for its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_the_events_of_each_publisher_come_in_order() {
    const PUBLISHERS: i64 = 4;
    const EVENTS: i64 = 250;
    let (transport, exchange) = (connect("quorum").await, unique("order"));
    let seen = Arc::new(Mutex::new(Vec::<(String, i64)>::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |event: Received<i64>| {
            let seen = Arc::clone(&seen);
            async move {
                // Long enough to be overtaken, if anybody could.
                tokio::time::sleep(Duration::from_micros(u64::from(event.payload() % 3 == 0) * 500)).await;
                seen.lock().unwrap().push((event.publisher_id().to_owned(), *event.payload()));
            }
        }
    };
    let builder = Listener::builder(&transport, ["events"]).exchange(&exchange).pool("store");
    let server = builder.endpoint(NotificationEndpoint::new().on_any(handler)).start().await.unwrap();
    let emitting = (0..PUBLISHERS).map(|publisher| {
        let notifier =
            Notifier::new(&transport, publisher.to_string()).topics(["events"]).exchange(&exchange);
        tokio::spawn(async move {
            for number in 0..EVENTS {
                notifier.info("e", &number).await.unwrap();
            }
        })
    });
    for emitted in emitting.collect::<Vec<_>>() {
        emitted.await.unwrap();
    }
    let all = (PUBLISHERS * EVENTS) as usize;
    assert!(eventually(async || (seen.lock().unwrap().len() >= all).then_some(())).await.is_some());
    server.shutdown(SOON).await;
    let seen = seen.lock().unwrap().clone();
    for publisher in 0..PUBLISHERS {
        let of_one = seen.iter().filter(|(id, _)| *id == publisher.to_string());
        assert!(of_one.map(|(_, number)| *number).eq(0..EVENTS), "{publisher}: {seen:?}");
    }
}
