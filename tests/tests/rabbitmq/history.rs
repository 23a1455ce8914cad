//! Events that are kept in a stream, and read again.

use std::time::{Duration, SystemTime};

use rpc_amqp::AmqpTransport;
use rpc_core::{
    Code, DeadLetterFilter, DeadLetters, Event, Listener, ListenerBuilder, NotificationEndpoint, Notifier,
    Position, Priority, Received, Retention,
};
use tests::broker::{Broker, unique};
use tests::proxy::{Proxy, Role};
use tests::raw::{RawClient, eventually};

const KEPT: Retention = Retention::age(Duration::from_secs(3_600)).and_bytes(100_000_000);

struct Scene {
    transport: AmqpTransport,
    exchange: String,
}

impl Scene {
    async fn new() -> Self {
        let transport = AmqpTransport::builder(Broker::shared().url()).connect().await.unwrap();
        Self { transport, exchange: unique("history") }
    }

    fn reader_over(&self, transport: &AmqpTransport) -> ListenerBuilder {
        Listener::builder(transport, ["events"]).exchange(&self.exchange).history(KEPT)
    }

    fn reader(&self) -> ListenerBuilder {
        self.reader_over(&self.transport)
    }

    /// Emits numbers, every tenth of which is an error.
    async fn emit(&self, numbers: std::ops::Range<i64>) {
        let notifier = Notifier::new(&self.transport, "p").topics(["events"]).exchange(&self.exchange);
        for number in numbers {
            let priority = if number % 10 == 0 { Priority::Error } else { Priority::Info };
            notifier.notify(priority, "counted", &number).await.unwrap();
        }
    }
}

async fn next(listener: &mut Listener<i64>) -> Event<i64> {
    let next = tokio::time::timeout(Duration::from_secs(20), listener.next());
    next.await.expect("an event comes soon").unwrap()
}

/// The next events, acknowledged, as offset and number.
async fn take(listener: &mut Listener<i64>, count: usize) -> Vec<(u64, i64)> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let event = next(listener).await;
        taken.push((event.offset().unwrap(), *event.payload()));
        event.ack().await.unwrap();
    }
    taken
}

async fn is_quiet(listener: &mut Listener<i64>) -> bool {
    tokio::time::timeout(Duration::from_millis(300), listener.next()).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_read_from_where_each_reader_says() {
    let scene = Scene::new().await;
    let mut first = scene.reader().start::<i64>().await.unwrap();
    let before = SystemTime::now();
    scene.emit(0..200).await;
    let all = take(&mut first, 200).await;
    assert!(all.iter().map(|(_, number)| *number).eq(0..200));
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets grow");

    let mut again = scene.reader().start::<i64>().await.unwrap();
    assert_eq!(take(&mut again, 200).await, all, "what was acknowledged is there still");
    let mut behind = scene.reader().from(Position::after(all[149].0)).start::<i64>().await.unwrap();
    assert_eq!(take(&mut behind, 50).await, all[150..]);
    let mut since = scene.reader().from(Position::Time(before)).start::<i64>().await.unwrap();
    assert_eq!(take(&mut since, 200).await, all);
    let errors = scene.reader().priorities([Priority::Error]).prefetch(3);
    let mut errors = errors.start::<i64>().await.unwrap();
    let numbers: Vec<_> = take(&mut errors, 20).await.into_iter().map(|(_, number)| number).collect();
    assert!(numbers.into_iter().eq((0..200).step_by(10)), "those between do not use up the prefetch");

    let mut later = scene.reader().from(Position::Next).start::<i64>().await.unwrap();
    assert!(is_quiet(&mut later).await && is_quiet(&mut behind).await);
    scene.emit(201..203).await;
    for listener in [&mut first, &mut behind, &mut later] {
        let numbers: Vec<_> = take(listener, 2).await.into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, [201, 202]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_where_it_was_when_its_link_is_lost() {
    let (scene, proxy) = (Scene::new().await, Proxy::start(Broker::shared().port()));
    let transport = AmqpTransport::builder(proxy.url()).connect().await.unwrap();
    let mut listener = scene.reader_over(&transport).prefetch(40).start::<i64>().await.unwrap();
    scene.emit(0..100).await;
    take(&mut listener, 30).await;
    // In hand, and settled after two that came later.
    let open = next(&mut listener).await;
    assert_eq!(*open.payload(), 30);
    take(&mut listener, 2).await;
    let consuming = proxy.only(Role::Consume);
    consuming.cut();
    eventually(async || (!listener.health().now().is_ready()).then_some(())).await.expect("it is noticed");
    assert!(open.ack().await.is_err(), "it comes again");
    consuming.heal();
    let again = next(&mut listener).await;
    assert_eq!((*again.payload(), again.attempt(), again.is_redelivered()), (30, 2, true));
    again.ack().await.unwrap();
    let numbers: Vec<_> = take(&mut listener, 67).await.into_iter().map(|(_, number)| number).collect();
    assert!(numbers.into_iter().eq(33..100), "no gap, and nothing twice that was acknowledged");
    assert!(is_quiet(&mut listener).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_comes_again_to_the_same_reader_and_then_goes_to_the_dead_letters() {
    let scene = Scene::new().await;
    let handler = |event: Received<i64>| async move {
        if *event.payload() == 1 { Err(format!("attempt {}", event.attempt())) } else { Ok(()) }
    };
    let server = scene.reader().delivery_limit(3).endpoint(NotificationEndpoint::new().on_any(handler));
    let server = server.requeue_delay(Duration::from_millis(20)).start().await.unwrap();
    scene.emit(0..5).await;
    let dead_letters = DeadLetters::new(&scene.transport).exchange(&scene.exchange);
    let dead = eventually(async || {
        let seen = dead_letters.inspect("events", &DeadLetterFilter::new(), 10).await.unwrap();
        seen.letters.into_iter().next()
    });
    let dead = dead.await.expect("it is put away");
    assert_eq!(
        (dead.code, dead.reason.as_str()),
        (Code::TooManyAttempts, "attempt 3 was the last one: attempt 3")
    );
    server.shutdown(Duration::from_secs(5)).await;
    let replayed = dead_letters.replay("events", &DeadLetterFilter::new(), 10).await.unwrap();
    let (_, error) = &replayed.left[0];
    assert!(error.message().contains("from a history"), "{error}");

    // Alone, so that nothing later is on its way already.
    let mut listener = scene.reader().prefetch(1).start::<i64>().await.unwrap();
    next(&mut listener).await.ack().await.unwrap();
    next(&mut listener).await.requeue().await.unwrap();
    let again = next(&mut listener).await;
    assert_eq!((*again.payload(), again.attempt()), (1, 2));
    drop(again);
    let again = next(&mut listener).await;
    assert_eq!((*again.payload(), again.attempt()), (1, 3));
    again.ack().await.unwrap();
    assert!(take(&mut listener, 3).await.into_iter().map(|(_, number)| number).eq(2..5));
    assert!(is_quiet(&mut listener).await);
    listener.close().await;
}

/// Numbers of the next events, acknowledged.
async fn numbers(listener: &mut Listener<i64>, count: usize) -> Vec<i64> {
    take(listener, count).await.into_iter().map(|(_, number)| number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_gone_is_read_from_its_new_beginning() {
    let (scene, proxy) = (Scene::new().await, Proxy::start(Broker::shared().port()));
    let transport = AmqpTransport::builder(proxy.url()).connect().await.unwrap();
    let mut reader = scene.reader_over(&transport).start::<i64>().await.unwrap();
    scene.emit(0..50).await;
    take(&mut reader, 50).await;
    let consuming = proxy.only(Role::Consume);
    consuming.cut();
    eventually(async || (!reader.health().now().is_ready()).then_some(())).await.expect("it is noticed");
    let raw = RawClient::connect(&Broker::shared().url()).await;
    raw.delete_queue(&format!("history.{}.events", scene.exchange)).await;
    consuming.heal();
    eventually(async || reader.health().now().is_ready().then_some(())).await.expect("it is back");
    scene.emit(100..103).await;
    let event = next(&mut reader).await;
    assert_eq!((event.offset(), *event.payload()), (Some(0), 100));
    assert_eq!(event.resume_at(), Some(Position::Offset(1)), "the old offsets are forgotten");
    event.ack().await.unwrap();
    assert_eq!(numbers(&mut reader, 2).await, [101, 102]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_to_go_on_is_no_further_than_what_is_settled() {
    let scene = Scene::new().await;
    let mut listener = scene.reader().prefetch(10).start::<i64>().await.unwrap();
    // Not one more, which would be on its way already when another is given back.
    scene.emit(0..3).await;
    let first = next(&mut listener).await;
    let batch = [next(&mut listener).await, next(&mut listener).await];
    let offset = |event: &Event<i64>| event.offset().unwrap();
    let (at, behind) = (offset(&first), offset(&batch[1]) + 1);
    assert_eq!(first.resume_at(), Some(Position::Offset(offset(&batch[0]))));
    assert_eq!(batch[1].resume_at(), Some(Position::Offset(at)), "the first is not stored");
    let received: Vec<Received<i64>> = batch.iter().map(|event| Received::clone(event)).collect();
    assert_eq!(Received::resume_after(&received), Some(Position::Offset(at)));
    first.ack().await.unwrap();
    assert_eq!(Received::resume_after(&received), Some(Position::Offset(behind)));
    let [given_back, handled] = batch;
    given_back.requeue().await.unwrap();
    assert_eq!(handled.resume_at(), Some(Position::Offset(behind - 2)), "it comes again");
    handled.ack().await.unwrap();
    let again = next(&mut listener).await;
    assert_eq!(again.resume_at(), Some(Position::Offset(behind)));
    drop(again);

    let both = Listener::builder(&scene.transport, ["events", "other"]).exchange(&scene.exchange);
    let mut both = both.history(KEPT).start::<i64>().await.unwrap();
    let event = next(&mut both).await;
    assert_eq!((event.offset().is_some(), event.resume_at()), (true, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_together_is_refused_at_the_start() {
    let scene = Scene::new().await;
    let refused = |builder: ListenerBuilder| async move { builder.start::<i64>().await.unwrap_err() };
    let at = Position::Offset(3);
    let several =
        Listener::builder(&scene.transport, ["a", "b"]).exchange(&scene.exchange).history(KEPT).from(at);
    let none = Listener::builder(&scene.transport, ["a"]).exchange(&scene.exchange).from(Position::First);
    for builder in [several, none, scene.reader().pool("p")] {
        assert_eq!(refused(builder).await.code(), Code::InvalidArguments);
    }
    drop(scene.reader().start::<i64>().await.unwrap());
    let other = refused(scene.reader().history(Retention::bytes(7))).await;
    assert!(other.message().contains("x-max-length-bytes=7"), "{other}");
}
