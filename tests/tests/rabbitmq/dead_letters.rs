//! Looking after dead letters: what is looked at stays, what is replayed is safe before it goes, and nothing is replayed to
//! where a stranger wants it.

use std::time::{Duration, Instant, SystemTime};

use rpc_amqp::AmqpTransport;
use rpc_core::message::Message;
use rpc_core::{Code, DeadLetterFilter, DeadLetters, Listener, ListenerBuilder, Notifier, Value};
use tests::broker::{Broker, unique};
use tests::raw::{Message as RawMessage, RawClient, eventually};

const ALL: DeadLetterFilter = DeadLetterFilter::new();

/// A broker's place with a pool that rejects events.
struct Scene {
    transport: AmqpTransport,
    exchange: String,
    raw: RawClient,
}

impl Scene {
    async fn new(queue_type: &str) -> Self {
        let url = format!("{}?queue_type={queue_type}", Broker::shared().url());
        let transport = AmqpTransport::builder(url).connect().await.unwrap();
        let raw = RawClient::connect(&Broker::shared().url()).await;
        Self { transport, exchange: unique("dead"), raw }
    }

    fn pool(&self, name: &str) -> ListenerBuilder {
        Listener::builder(&self.transport, ["events"]).exchange(&self.exchange).pool(name)
    }

    fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(&self.transport).exchange(&self.exchange)
    }

    async fn count(&self) -> u32 {
        let counted = self.dead_letters().topics(["events", "nothing"]).await.unwrap();
        counted.first().map_or(0, |(_, count)| *count)
    }

    /// Emits numbers, which pool `a` rejects, and waits until they are put away.
    async fn reject(&self, event_type: &str, numbers: std::ops::Range<i64>) {
        let (mut a, count) = (self.pool("a").start::<i64>().await.unwrap(), self.count().await);
        let notifier = Notifier::new(&self.transport, "p").topics(["events"]).exchange(&self.exchange);
        let there = count + u32::try_from(numbers.end - numbers.start).unwrap();
        for number in numbers {
            notifier.info(event_type, &number).await.unwrap();
            a.next().await.unwrap().reject("the disk is full").await.unwrap();
        }
        eventually(async || (self.count().await == there).then_some(())).await.expect("they are put away");
        a.close().await;
    }
}

/// The whole life of dead letters.
async fn inspected_replayed_and_discarded(queue_type: &str) {
    let (scene, before) = (Scene::new(queue_type).await, SystemTime::now());
    let mut b = scene.pool("b").start::<i64>().await.unwrap();
    assert_eq!(scene.dead_letters().topics(["events"]).await.unwrap(), [], "there is no queue yet");
    scene.reject("even", 0..3).await;
    scene.reject("odd", 3..103).await;
    for _ in 0..103 {
        b.next().await.unwrap().ack().await.unwrap();
    }
    // None of ours, and bound for the pool all the same.
    let strange = RawMessage::new(*b"?").with_header("event-type", "odd");
    assert!(scene.raw.publish(&format!("n.{}", scene.exchange), "events.info", &strange).await);
    let mut a = scene.pool("a").start::<i64>().await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(300), a.next()).await;
    assert!(waiting.is_err(), "it goes to the dead letters");
    eventually(async || (scene.count().await == 104).then_some(())).await.expect("it is put away");

    let dead_letters = scene.dead_letters();
    for _ in 0..2 {
        let seen = dead_letters.inspect("events", &ALL, 1_000).await.unwrap();
        assert_eq!((seen.letters.len(), seen.looked_at, seen.is_complete), (104, 104, true));
        assert!(seen.stopped_by.is_none());
        let find = |code| seen.letters.iter().find(|letter| letter.code == code).unwrap();
        let (first, last) = (find(Code::ServiceError), find(Code::Malformed));
        assert_eq!(first.reason, "the disk is full");
        assert_eq!(first.queue, format!("notify.{}.events.info.a", scene.exchange));
        assert!(first.rejected_at.unwrap() + Duration::from_millis(1) >= before, "{:?}", first.rejected_at);
        let Ok(Message::Notification(event)) = &first.message else { panic!("{first:?}") };
        assert_eq!((event.publisher_id.as_str(), Some(&event.message_id)), ("p", first.message_id.as_ref()));
        assert!(last.message.is_err(), "{last:?}");
    }
    let few = dead_letters.inspect("events", &DeadLetterFilter::new().event_type("odd"), 7).await.unwrap();
    assert_eq!((few.letters.len(), few.is_complete), (7, false));

    let one = few.letters[3].message_id.clone().unwrap();
    let replayed = dead_letters.replay("events", &DeadLetterFilter::new().message_id(one.clone()), 10).await;
    assert_eq!(replayed.unwrap().letters.len(), 1);
    let event = a.next().await.unwrap();
    assert_eq!((event.message_id(), event.attempt()), (&one, 1));
    let mut numbers = vec![*event.payload()];
    event.ack().await.unwrap();
    assert_eq!(scene.count().await, 103);

    let odd = DeadLetterFilter::new().event_type("odd");
    let replayed = dead_letters.replay("events", &odd, 1_000).await.unwrap();
    assert_eq!((replayed.letters.len(), replayed.left.len(), replayed.is_complete), (99, 0, true));
    for _ in 0..99 {
        let event = a.next().await.unwrap();
        assert_eq!(event.attempt(), 1);
        numbers.push(*event.payload());
        event.ack().await.unwrap();
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(3..103));

    let malformed = DeadLetterFilter::new().code(Code::Malformed);
    assert_eq!(dead_letters.discard("events", &malformed, 10).await.unwrap().letters.len(), 1);
    let asked = Instant::now();
    assert_eq!(dead_letters.discard("events", &ALL, 2).await.unwrap().letters.len(), 2);
    assert!(asked.elapsed() < Duration::from_secs(1), "nobody waits for the return of what is gone");
    let left = dead_letters.inspect("events", &ALL, 10).await.unwrap();
    let Ok(Message::Notification(event)) = &left.letters[0].message else { panic!("{left:?}") };
    assert_eq!((left.letters.len(), event.event_type.as_str()), (1, "even"));
    let again = tokio::time::timeout(Duration::from_millis(300), b.next()).await;
    assert!(again.is_err(), "the other pool has had its events");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_in_a_classic_queue_are_inspected_replayed_and_discarded() {
    inspected_replayed_and_discarded("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_in_a_quorum_queue_are_inspected_replayed_and_discarded() {
    inspected_replayed_and_discarded("quorum").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_letter_is_lost_by_being_looked_at() {
    let (broker, scene) = (Broker::shared(), Scene::new("quorum").await);
    // Newer brokers drop what was given out too often without being asked.
    let (policy, pattern) = (unique("looks"), format!("^dlq\\.{}\\.", scene.exchange));
    let limit = r#"{"delivery-limit": 5}"#;
    broker.ctl(&["set_policy", "--apply-to", "queues", &policy, &pattern, limit]);
    scene.reject("e", 0..3).await;
    for look in 0..12 {
        let filter = if look % 2 == 0 { ALL } else { DeadLetterFilter::new().event_type("another") };
        let seen = scene.dead_letters().inspect("events", &filter, 10).await.unwrap();
        assert_eq!(seen.looked_at, 3, "look {look}");
    }
    let replayed = scene.dead_letters().replay("events", &ALL, 10).await.unwrap();
    assert_eq!(replayed.letters.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_stays() {
    let scene = Scene::new("classic").await;
    scene.reject("e", 0..2).await;
    scene.raw.delete_queue(&format!("notify.{}.events.info.a", scene.exchange)).await;
    // Rejected from somebody else's queue, it says.
    let secret = unique("secret");
    scene.raw.declare(&secret).await;
    let forged = RawMessage::new(*b"{}").with_header("dead-letter-queue", &secret);
    assert!(scene.raw.publish(&format!("dlx.{}", scene.exchange), "events", &forged).await);
    eventually(async || (scene.count().await == 3).then_some(())).await.expect("it is there");

    let replayed = scene.dead_letters().replay("events", &ALL, 10).await.unwrap();
    let codes: Vec<_> = replayed.left.iter().map(|(_, error)| error.code()).collect();
    assert_eq!(replayed.letters.len(), 0);
    assert_eq!(codes, [Code::InvalidArguments, Code::Unroutable, Code::Unroutable]);
    assert!(scene.raw.get(&secret).await.is_none());
    assert_eq!(scene.count().await, 3);

    let mut a = scene.pool("a").start::<Value>().await.unwrap();
    let unheard = DeadLetterFilter::new().event_type("e");
    assert_eq!(scene.dead_letters().replay("events", &unheard, 10).await.unwrap().letters.len(), 2);
    assert_eq!(a.next().await.unwrap().payload(), &Value::from(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_that_is_closed_shows_nothing() {
    let scene = Scene::new("classic").await;
    scene.transport.close(Duration::from_secs(1)).await;
    let error = scene.dead_letters().inspect("events", &ALL, 1).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}
