//! Listeners of both languages on the events of both: topics, pools, batches, and members that come and go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Listener, NotificationEndpoint, NotificationServer, Notifier, Priority, Received, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::{RawClient, eventually};

use crate::python::Python;
use crate::service::connect;

/// Numbers of events in the order in which they were handled; of batches, each in one piece.
type Taken = Arc<Mutex<Vec<Vec<i64>>>>;

fn number(event: &Received<Value>) -> i64 {
    event.payload().get("number").and_then(Value::as_integer).unwrap()
}

fn numbers(payloads: &serde_json::Value) -> Vec<i64> {
    payloads.as_array().unwrap().iter().map(|payload| payload["number"].as_i64().unwrap()).collect()
}

/// The numbers of what a Python listener has taken since it was asked last.
fn rest(events: &serde_json::Value) -> Vec<i64> {
    let payloads = events.as_array().unwrap().iter().map(|event| event["payload"].clone()).collect();
    numbers(&payloads)
}

/// A listener of ours, which writes into `taken`.
async fn listen(
    transport: &AmqpTransport,
    topics: &[&str],
    pool: Option<&str>,
    taken: &Taken,
) -> NotificationServer {
    let taken = Arc::clone(taken);
    let handler = move |event: Received<Value>| {
        let taken = Arc::clone(&taken);
        async move {
            // So that something waits when a listener leaves.
            tokio::time::sleep(Duration::from_millis(5)).await;
            taken.lock().unwrap().push(vec![number(&event)]);
        }
    };
    let builder = Listener::builder(transport, topics.iter().copied());
    let builder = pool.into_iter().fold(builder, |builder, pool| builder.pool(pool));
    builder.endpoint(NotificationEndpoint::new().on_any(handler)).start().await.unwrap()
}

/// Notifiers of both languages on one topic.
struct Notifiers {
    ours: Notifier,
    python: Python,
}

impl Notifiers {
    fn new(transport: &AmqpTransport, topic: &str) -> Self {
        let python = Python::notifier(Broker::shared(), "messagingv2", "python", topic);
        Self { ours: Notifier::new(transport, "rust").topics([topic]), python }
    }

    /// Even numbers come from us, and odd ones from Python.
    async fn emit(&mut self, number: i64) {
        if number % 2 == 0 {
            self.ours.info("counted", &Value::map([("number", number)])).await.unwrap();
        } else {
            let event =
                json!({ "priority": "info", "event_type": "counted", "payload": { "number": number } });
            self.python.perform(&event).unwrap();
        }
    }
}

/// Waits until these numbers were handled, each once.
async fn until_taken(taken: &Taken, expected: &[i64]) {
    let sorted = || {
        let mut numbers = taken.lock().unwrap().concat();
        numbers.sort_unstable();
        numbers
    };
    let found = eventually(async || (sorted() == expected).then_some(())).await;
    assert!(found.is_some(), "{:?} instead of {expected:?}", sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_19_21_nt_39_listeners_get_the_topics_that_they_ask_for() {
    let (broker, pools) = (Broker::shared(), ["both", "one"].map(unique));
    let topics = ["a", "b"].map(unique);
    let transport = connect(broker, "").await;
    let (both, one) = (Taken::default(), Taken::default());
    let [a, b] = [&*topics[0], &*topics[1]];
    let _listeners = (
        listen(&transport, &[a, b], Some(&pools[0]), &both).await,
        listen(&transport, &[b], Some(&pools[1]), &one).await,
    );
    let python_pools = ["both", "one"].map(unique);
    let mut python_both = Python::listener(broker, &json!({ "topics": [a, b], "pool": python_pools[0] }));
    let mut python_one = Python::listener(broker, &json!({ "topics": [b], "pool": python_pools[1] }));

    let (mut to_a, mut to_b) = (Notifiers::new(&transport, a), Notifiers::new(&transport, b));
    for number in [0, 1] {
        to_a.emit(number).await;
        to_b.emit(10 + number).await;
    }
    until_taken(&both, &[0, 1, 10, 11]).await;
    until_taken(&one, &[10, 11]).await;
    for (listener, count, expected) in
        [(&mut python_both, 4, vec![0, 1, 10, 11]), (&mut python_one, 2, vec![10, 11])]
    {
        let events: Vec<_> = (0..count).map(|_| listener.perform(&json!("next")).unwrap()).collect();
        let events: BTreeSet<_> = rest(&json!(events)).into_iter().collect();
        assert_eq!(events.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(listener.perform(&json!("rest")), Ok(json!([])));
    }
    assert_eq!((both.lock().unwrap().len(), one.lock().unwrap().len()), (4, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_20_listeners_of_both_languages_share_a_topic() {
    let (broker, topic) = (Broker::shared(), unique("shared"));
    let transport = connect(broker, "").await;
    let taken = Taken::default();
    let _ours = listen(&transport, &[&topic], None, &taken).await;
    let mut python = Python::listener(broker, &json!({ "topics": [topic] }));
    let mut notifiers = Notifiers::new(&transport, &topic);
    for number in 0..40 {
        notifiers.emit(number).await;
    }
    let mut there = Vec::new();
    let found = eventually(async || {
        there.extend(rest(&python.perform(&json!("rest")).unwrap()));
        (taken.lock().unwrap().len() + there.len() >= 40).then_some(())
    });
    assert!(found.await.is_some(), "{taken:?} {there:?}");
    let here = taken.lock().unwrap().concat();
    assert!(!here.is_empty() && !there.is_empty(), "{here:?} {there:?}");
    let mut all = [here, there].concat();
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_22_each_priority_reaches_its_handler() {
    let (broker, topic) = (Broker::shared(), unique("priorities"));
    let transport = connect(broker, "").await;
    let seen: Arc<Mutex<BTreeSet<(Priority, String)>>> = Arc::default();
    let endpoint = Priority::ALL.iter().copied().fold(NotificationEndpoint::new(), |endpoint, priority| {
        let seen = Arc::clone(&seen);
        endpoint.on_priority(priority, move |event: Received<Value>| {
            seen.lock().unwrap().insert((priority, event.publisher_id().to_owned()));
            async {}
        })
    });
    let _server = Listener::builder(&transport, [&*topic]).endpoint(endpoint).start().await.unwrap();
    let pool = unique("priorities");
    let mut python = Python::listener(broker, &json!({ "topics": [topic], "pool": pool }));
    let mut notifiers = Notifiers::new(&transport, &topic);
    for priority in Priority::ALL.iter().copied() {
        notifiers.ours.notify(priority, "e", &()).await.unwrap();
        let event = json!({ "priority": priority.as_str(), "event_type": "e", "payload": null });
        notifiers.python.perform(&event).unwrap();
    }
    let expected: BTreeSet<_> = Priority::ALL
        .iter()
        .copied()
        .flat_map(|it| ["python", "rust"].map(|from| (it, from.to_owned())))
        .collect();
    let found = eventually(async || (*seen.lock().unwrap() == expected).then_some(())).await;
    assert!(found.is_some(), "{seen:?}");
    // An endpoint in Python is called by the name of the priority.
    let there: BTreeSet<_> = (0..expected.len())
        .map(|_| {
            let event = python.perform(&json!("next")).unwrap();
            let publisher = event["publisher_id"].as_str().unwrap().to_owned();
            (event["priority"].as_str().unwrap().parse::<Priority>().unwrap(), publisher)
        })
        .collect();
    assert_eq!(there, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_23_205_events_come_in_batches_of_100() {
    let (broker, topic, pool) = (Broker::shared(), unique("batches"), unique("batches"));
    let transport = connect(broker, "").await;
    // The queues are there before the events, and all events before the listeners.
    Listener::builder(&transport, [&*topic]).pool(&*pool).start::<Value>().await.unwrap().close().await;
    let mut notifiers = Notifiers::new(&transport, &topic);
    for number in 0..205 {
        notifiers.emit(number).await;
    }

    let batches = Taken::default();
    let endpoint = NotificationEndpoint::new().on_any({
        let batches = Arc::clone(&batches);
        move |batch: Vec<Received<Value>>| {
            batches.lock().unwrap().push(batch.iter().map(number).collect());
            async {}
        }
    });
    let server = Listener::builder(&transport, [&*topic]).pool(&*pool).endpoint(endpoint);
    let _server = server.batch(100, Some(Duration::from_secs(2))).start().await.unwrap();
    let found = eventually(async || (batches.lock().unwrap().len() == 3).then_some(())).await;
    assert!(found.is_some(), "{batches:?}");
    let mut python = Python::listener(broker, &json!({ "topics": [topic], "batch": [100, 2] }));
    let there: Vec<_> = (0..3).map(|_| numbers(&python.perform(&json!("next")).unwrap())).collect();
    for batches in [batches.lock().unwrap().clone(), there] {
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 5]);
        assert_eq!(batches.concat(), (0..205).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nt_43_every_pool_gets_every_event() {
    let (broker, topic) = (Broker::shared(), unique("pools"));
    let pools = ["rust", "python"].map(unique);
    let transport = connect(broker, "").await;
    let taken = Taken::default();
    let _ours = listen(&transport, &[&topic], Some(&pools[0]), &taken).await;
    let mut python = Python::listener(broker, &json!({ "topics": [topic], "pool": pools[1] }));
    let mut notifiers = Notifiers::new(&transport, &topic);
    for number in 0..10 {
        notifiers.emit(number).await;
    }
    let expected: Vec<_> = (0..10).collect();
    until_taken(&taken, &expected).await;
    let there: Vec<_> = (0..10).map(|_| python.perform(&json!("next")).unwrap()).collect();
    assert_eq!(rest(&json!(there)), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nt_44_members_of_a_pool_come_and_go_and_nothing_is_lost() {
    let (broker, topic, pool) = (Broker::shared(), unique("members"), unique("members"));
    let transport = connect(broker, "").await;
    let (taken, options) = (Taken::default(), json!({ "topics": [topic], "pool": pool }));
    let mut ours = listen(&transport, &[&topic], Some(&pool), &taken).await;
    let mut python = Python::listener(broker, &options);
    let mut notifiers = Notifiers::new(&transport, &topic);
    let mut there = Vec::new();
    for number in 0..100 {
        notifiers.emit(number).await;
        // With events on their way to whoever leaves.
        if number % 40 == 20 {
            ours.shutdown(Duration::from_secs(5)).await;
            notifiers.ours.info("counted", &Value::map([("number", 1_000 + number)])).await.unwrap();
            ours = listen(&transport, &[&topic], Some(&pool), &taken).await;
        }
        if number % 40 == 39 {
            there.extend(rest(&python.finish()));
            python = Python::listener(broker, &options);
        }
    }
    let mut expected: Vec<_> = (0..100).chain([1_020, 1_060]).collect();
    let found = eventually(async || {
        there.extend(rest(&python.perform(&json!("rest")).unwrap()));
        (taken.lock().unwrap().len() + there.len() >= expected.len()).then_some(())
    });
    assert!(found.await.is_some(), "{taken:?} {there:?}");
    let here = taken.lock().unwrap().concat();
    assert!(!here.is_empty() && !there.is_empty(), "{here:?} {there:?}");
    let mut all = [here, there].concat();
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);
    ours.shutdown(Duration::from_secs(1)).await;
}

/// What Python's notifier sends and what ours does, side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nt_01_dv_36_an_event_of_ours_is_as_pythons() {
    let (broker, topics) = (Broker::shared(), ["python", "rust", "other"].map(unique));
    let transport = connect(broker, "").await;
    let mut python = Python::notifier(broker, "messagingv2", "compute.host1", &topics[0]);
    let ours = Notifier::new(&transport, "compute.host1").topics([&*topics[1], &*topics[2]]);
    let raw = RawClient::connect(&broker.url()).await;
    for priority in Priority::ALL.iter().copied() {
        let payload = json!({ "id": 12, "list": [null, true, "é", 1.5] });
        let event =
            json!({ "priority": priority.as_str(), "event_type": "compute.start", "payload": payload });
        python.perform(&event).unwrap();
        ours.notify(priority, "compute.start", &payload).await.unwrap();
        let [theirs, ours, other] =
            [&topics[0], &topics[1], &topics[2]].map(|topic| format!("{topic}.{priority}"));
        let (theirs, ours, other) = (raw.take(&theirs).await, raw.take(&ours).await, raw.take(&other).await);
        assert_eq!(comparable(&ours), comparable(&theirs));
        assert_eq!(comparable(&other), comparable(&theirs));
    }
}

/// A message without what is different in each, but with the form that it has; and without our request id, which Python's
/// notifier does not send for a context that is a plain dictionary.
fn comparable(message: &tests::raw::Message) -> (tests::raw::Message, serde_json::Value) {
    let envelope: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(envelope["oslo.version"], json!("2.0"));
    let mut content: serde_json::Value =
        serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    let form = |text: &str| -> String {
        text.chars().map(|it| if it.is_ascii_hexdigit() { '9' } else { it }).collect()
    };
    for key in ["message_id", "_unique_id", "timestamp"] {
        let text = content[key].as_str().unwrap();
        // A time on the second has no fraction.
        content[key] = json!(form(text.split('.').next().unwrap()));
    }
    content.as_object_mut().unwrap().retain(|key, _| key != "_context_request_id");
    (tests::raw::Message { body: Vec::new(), ..message.clone() }, content)
}
