//! Events that are sent while the service goes on.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::driver::{Capture, Driver, Emission};
use rpc_core::transport::async_trait;
use rpc_core::{
    Background, Code, Error, Executed, Listener, MemoryTransport, Notifier, Priority, RetryPolicy, Value,
    WhenFull,
};
use tokio::time::Instant;

use crate::blocking::Blocking;
use crate::flaky::Script;
use crate::support::{SECOND, settle};

#[tokio::test(start_paused = true)]
async fn what_is_put_in_is_sent_in_order() {
    let transport = MemoryTransport::new();
    let background = Background::builder().start();
    let notifier = Notifier::new(&transport, "p").background(&background);
    for number in 0..1_000 {
        notifier.info("e", &number).await.unwrap();
    }
    assert_eq!(background.shutdown(SECOND).await, 0);
    assert_eq!(background.counts().sent, 1_000);
    let mut events = Listener::builder(&transport, ["notifications"]).start::<i32>().await.unwrap();
    for number in 0..1_000 {
        let event = events.next().await.unwrap();
        assert_eq!(*event.payload(), number);
        event.ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_background_drops_the_newest_and_tells() {
    let driver = Blocking::default();
    let background = Background::builder().capacity(3).in_flight(2).start();
    let notifier = driver.notifier().background(&background);
    for number in 0..5 {
        notifier.info("e", &number).await.unwrap();
        settle().await;
    }
    let error = notifier.info("e", &5).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Overloaded, Executed::NotSent));
    let counts = background.counts();
    assert_eq!((counts.in_flight, counts.waiting, counts.dropped), (2, 3, 1));
    driver.permit(10);
    assert_eq!(background.flush(SECOND).await, 0);
    assert_eq!(driver.taken(), [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_full_background_drops_the_oldest() {
    let driver = Blocking::default();
    let background = Background::builder().capacity(3).in_flight(1).when_full(WhenFull::DropOldest).start();
    let notifier = driver.notifier().background(&background);
    for number in 0..7 {
        notifier.info("e", &number).await.unwrap();
        settle().await;
    }
    assert_eq!(background.counts().dropped, 3);
    driver.permit(10);
    assert_eq!(background.flush(SECOND).await, 0);
    assert_eq!(driver.taken(), [0, 4, 5, 6], "what is being sent is not dropped");
}

#[tokio::test(start_paused = true)]
async fn a_full_background_lets_wait_and_no_longer_than_the_timeout() {
    let driver = Blocking::default();
    let background = Background::builder().capacity(1).in_flight(1).when_full(WhenFull::Wait).start();
    let notifier = driver.notifier().background(&background).timeout(5 * SECOND);
    notifier.info("e", &0).await.unwrap();
    settle().await;
    notifier.info("e", &1).await.unwrap();
    let waiting = tokio::spawn({
        let notifier = notifier.clone();
        async move { notifier.info("e", &2).await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    let started = Instant::now();
    driver.permit(1);
    waiting.await.unwrap().unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "it is woken as soon as there is room");
    assert_eq!(notifier.info("e", &3).await.unwrap_err().code(), Code::Overloaded);
    assert_eq!(started.elapsed(), 5 * SECOND);
    let now = notifier.enqueue(Priority::Info, "e", &4).unwrap_err();
    assert_eq!((now.code(), background.counts().dropped), (Code::Overloaded, 2));
    driver.permit(10);
    assert_eq!(background.flush(SECOND).await, 0);
    assert_eq!(driver.taken(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_bound_in_bytes_holds() {
    let driver = Blocking::default();
    let background = Background::builder().most_bytes(10_000).in_flight(1).start();
    let notifier = driver.notifier().background(&background);
    let outcomes: Vec<_> =
        (0..10).map(|_| notifier.enqueue(Priority::Info, "e", &"x".repeat(3_000)).is_ok()).collect();
    assert!(!outcomes[9]);
    assert!((2..=4).contains(&background.counts().waiting), "{background:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_limit_and_says_what_is_lost() {
    let driver = Blocking::default();
    let background = Background::builder().in_flight(2).start();
    let notifier = driver.notifier().background(&background);
    for number in 0..5 {
        notifier.enqueue(Priority::Info, "e", &number).unwrap();
    }
    driver.permit(1);
    let started = Instant::now();
    assert_eq!(background.flush(SECOND).await, 4);
    assert_eq!(background.shutdown(SECOND).await, 4);
    assert_eq!(started.elapsed(), 2 * SECOND);
    let counts = background.counts();
    assert_eq!((counts.sent, counts.dropped, counts.waiting, counts.in_flight), (1, 4, 0, 0));
    let error = notifier.info("e", &9).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent));
    driver.permit(10);
    settle().await;
    assert_eq!(driver.taken(), [0], "nothing is sent afterwards");
}

#[tokio::test(start_paused = true)]
async fn a_flush_does_not_wait_for_what_comes_later() {
    let driver = Blocking::default();
    let background = Background::builder().in_flight(1).start();
    let notifier = driver.notifier().background(&background);
    notifier.enqueue(Priority::Info, "e", &0).unwrap();
    let flushing = tokio::spawn({
        let background = background.clone();
        async move { background.flush(SECOND).await }
    });
    settle().await;
    notifier.enqueue(Priority::Info, "e", &1).unwrap();
    driver.permit(1);
    assert_eq!(flushing.await.unwrap(), 0);
    assert_eq!(background.counts().sent, 1);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_counted_and_the_rest_is_sent() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    script.fail([Error::new(Code::TooLarge, "x"), Error::new(Code::Overloaded, "full")]);
    let background = Background::builder().start();
    let notifier = Notifier::new(&script.connect(&transport), "p").retry(RetryPolicy::never());
    let notifier = notifier.background(&background);
    for number in 0..5 {
        notifier.info("e", &number).await.unwrap();
    }
    assert_eq!(background.flush(SECOND).await, 0);
    let counts = background.counts();
    assert_eq!((counts.sent, counts.failed, counts.dropped), (3, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_holds_any_more_is_sent_and_the_task_ends() {
    let driver = Blocking::default();
    let background = Background::builder().in_flight(1).start();
    let notifier = driver.notifier().background(&background);
    for number in 0..2 {
        notifier.enqueue(Priority::Info, "e", &number).unwrap();
    }
    drop((background, notifier));
    settle().await;
    driver.permit(2);
    settle().await;
    assert_eq!((driver.taken(), driver.handles()), (vec![0, 1], 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_background_nothing_can_be_put_there() {
    let notifier = Notifier::new(&MemoryTransport::new(), "p");
    let error = notifier.enqueue(Priority::Info, "e", &Value::Null).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArguments);
}

/// A driver that panics at events of type `bad`.
struct Panicking;

#[async_trait]
impl Driver for Panicking {
    fn name(&self) -> &str {
        "panicking"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        assert_ne!(emission.message().event_type, "bad", "asked to");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_fails_one_event_and_no_other() {
    let background = Background::builder().capacity(3).start();
    let capture = Capture::new();
    let drivers: [Arc<dyn Driver>; 2] = [Arc::new(Panicking), Arc::new(capture.clone())];
    let waited_for = Notifier::with_drivers("p", drivers);
    let notifier = waited_for.prepare(|it| it.background(&background));
    for event_type in ["good", "bad", "good", "good", "good", "good"] {
        notifier.info(event_type, &1).await.unwrap();
        settle().await;
    }
    assert_eq!(background.shutdown(SECOND).await, 0);
    let counts = background.counts();
    assert_eq!((counts.sent, counts.failed), (5, 1));
    assert_eq!(capture.events().len(), 6, "the other driver has had it");
    let error = waited_for.info("bad", &1).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::Unknown));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_says_what_it_was() {
    let driver = Blocking::default();
    let background = Background::builder().capacity(1).in_flight(1).start();
    let notifier = driver.notifier().background(&background);
    for number in 0..2 {
        notifier.info("e", &number).await.unwrap();
        settle().await;
    }
    let full = notifier.info("node.lost", &2).await.unwrap_err().to_string();
    driver.permit(10);
    assert_eq!(background.shutdown(SECOND).await, 0);
    let closed = notifier.info("node.lost", &3).await.unwrap_err().to_string();
    for error in [full, closed] {
        assert!(error.contains("node.lost"), "{error}");
    }
}

/// A driver that looks at the background when it ends, as one does that logs through the layer for tracing.
struct Leaving(Background);

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.counts();
    }
}

#[async_trait]
impl Driver for Leaving {
    fn name(&self) -> &str {
        "leaving"
    }

    async fn notify(&self, _: &Emission) -> Result<(), Error> {
        Ok(())
    }
}

/// Under the lock of the queue it would wait for itself.
#[tokio::test(start_paused = true)]
async fn a_driver_that_ends_with_its_last_event_may_come_back() {
    let driver = Blocking::default();
    let leaving = |background: &Background| {
        let leaving: Arc<dyn Driver> = Arc::new(Leaving(background.clone()));
        Notifier::with_drivers("p", [leaving]).background(background)
    };
    let background = Background::builder().capacity(1).in_flight(1).when_full(WhenFull::DropOldest).start();
    let blocked = driver.notifier().background(&background);
    blocked.info("e", &0).await.unwrap();
    settle().await;
    // Its event waits, and is the last that holds its driver.
    leaving(&background).info("e", &1).await.unwrap();
    blocked.info("e", &2).await.unwrap();
    assert_eq!(background.counts().dropped, 1, "the one that waited longest");
    leaving(&background).info("e", &3).await.unwrap();
    assert_eq!(background.shutdown(Duration::ZERO).await, 2, "what is being sent, and what waits");
}
