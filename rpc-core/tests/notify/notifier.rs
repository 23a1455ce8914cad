//! What a notifier sends, and how often it tries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::driver::{Driver, Emission};
use rpc_core::transport::async_trait;
use rpc_core::{
    Code, Context, Error, Executed, Listener, MemoryTransport, Notifier, Priority, RetryPolicy, Value,
};
use tokio::time::Instant;

use crate::flaky::Script;

/// A driver that writes down what it was given.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Emission>>>);

#[async_trait]
impl Driver for Seen {
    fn name(&self) -> &str {
        "seen"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        self.0.lock().unwrap().push(emission.clone());
        Ok(())
    }
}

/// A driver that always fails.
struct Failing(Code);

#[async_trait]
impl Driver for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    async fn notify(&self, _: &Emission) -> Result<(), Error> {
        Err(Error::new(self.0, "asked to"))
    }
}

#[tokio::test(start_paused = true)]
async fn nt_01_each_topic_and_driver_gets_the_message_once() {
    for topics in [&["one"][..], &["one", "two"]] {
        for &priority in Priority::ALL {
            let (transport, script, seen) = (MemoryTransport::new(), Script::default(), Seen::default());
            let notifier = Notifier::new(&script.connect(&transport), "publisher")
                .driver(seen.clone())
                .topics(topics.iter().copied())
                .retry(RetryPolicy::new().attempts(7));
            notifier.notify(priority, "event.type", &Value::map([("key", 1)])).await.unwrap();
            let sent: Vec<_> = script.attempts().into_iter().map(|(destination, ..)| destination).collect();
            let wanted: Vec<_> =
                topics.iter().map(|topic| format!("notifications {topic}.{priority}")).collect();
            assert_eq!(sent, wanted);
            let seen = seen.0.lock().unwrap().clone();
            assert_eq!(seen.len(), 1, "a driver gets an event once, whatever its topics");
            assert_eq!(
                (seen[0].topics(), seen[0].retry()),
                (topics.map_owned().as_slice(), RetryPolicy::new().attempts(7))
            );
            let mut events =
                Listener::builder(&transport, topics.iter().copied()).start::<Value>().await.unwrap();
            for _ in topics {
                let event = events.next().await.unwrap();
                assert_eq!((event.publisher_id(), event.event_type()), ("publisher", "event.type"));
                assert_eq!((event.priority(), event.payload()), (priority, &Value::map([("key", 1)])));
                assert_eq!(event.message_id(), &seen[0].message().message_id);
                assert!(event.timestamp().elapsed().unwrap() < Duration::from_secs(60));
                event.ack().await.unwrap();
            }
        }
    }
}

trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|&text| text.to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn nt_02_a_prepared_publisher_id_wins() {
    let seen = Seen::default();
    let notifier = Notifier::with_drivers("first", [Arc::new(seen.clone()) as Arc<dyn Driver>]);
    let prepared = notifier.prepare(|it| it.publisher_id("second"));
    prepared.info("e", &1).await.unwrap();
    notifier.info("e", &1).await.unwrap();
    let publishers: Vec<_> =
        seen.0.lock().unwrap().iter().map(|emission| emission.message().publisher_id.clone()).collect();
    assert_eq!(publishers, ["second", "first"]);
}

#[tokio::test(start_paused = true)]
async fn nt_03_drivers_are_told_the_retry_policy_as_given() {
    let seen = Seen::default();
    let notifier = Notifier::with_drivers("p", [Arc::new(seen.clone()) as Arc<dyn Driver>]);
    notifier.info("e", &1).await.unwrap();
    let given = [RetryPolicy::never(), RetryPolicy::until_timeout(), RetryPolicy::new().attempts(6)];
    for retry in given {
        notifier.prepare(|it| it.retry(retry)).info("e", &1).await.unwrap();
    }
    let told: Vec<_> = seen.0.lock().unwrap().iter().map(Emission::retry).collect();
    assert_eq!(told, [RetryPolicy::default(), given[0], given[1], given[2]]);
}

#[tokio::test(start_paused = true)]
async fn nt_04_a_dead_broker_is_tried_as_often_as_told() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    script.fail((0..9).map(|_| Error::new(Code::Unavailable, "no broker").with_executed(Executed::NotSent)));
    let pauses = (Duration::from_secs(1), Duration::from_secs(2));
    let notifier = Notifier::new(&script.connect(&transport), "p");
    let thrice = notifier.prepare(|it| it.retry(RetryPolicy::new().attempts(3).pauses(pauses.0, pauses.1)));
    let error = thrice.info("e", &1).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent));
    let attempts = script.attempts();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|(_, id, _)| *id == attempts[0].1), "an event keeps its message id");
    let waited = [attempts[1].2 - attempts[0].2, attempts[2].2 - attempts[1].2];
    assert!(waited[0] <= pauses.0 && waited[1] <= pauses.1, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_succeed_is_not_tried_again_and_doubt_stays() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    let notifier = Notifier::new(&script.connect(&transport), "p");
    script.fail([Error::new(Code::TooLarge, "x")]);
    assert_eq!(notifier.info("e", &1).await.unwrap_err().code(), Code::TooLarge);
    assert_eq!(script.attempts().len(), 1);
    script.fail([Error::new(Code::Unavailable, "link lost"), Error::new(Code::TooLarge, "x")]);
    let error = notifier.info("e", &1).await.unwrap_err();
    assert_eq!(
        (error.code(), error.executed()),
        (Code::TooLarge, Executed::Unknown),
        "the first may be there"
    );
    script.fail([Error::new(Code::Overloaded, "full")]);
    notifier.info("e", &1).await.unwrap();
    assert_eq!(script.attempts().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_may_come_twice_says_so() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    let notifier = Notifier::new(&script.connect(&transport), "p");
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    let unavailable = || Error::new(Code::Unavailable, "link lost");
    let failures = [vec![unavailable().with_executed(Executed::NotSent)], vec![unavailable(), unavailable()]];
    for (failures, attempt) in failures.into_iter().zip([1, 3]) {
        script.fail(failures);
        notifier.info("e", &1).await.unwrap();
        let event = events.next().await.unwrap();
        assert_eq!(event.attempt(), attempt);
        event.ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn all_attempts_end_within_the_timeout() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    script.fail((0..10_000).map(|_| Error::new(Code::Overloaded, "full")));
    let notifier = Notifier::new(&script.connect(&transport), "p").timeout(Duration::from_secs(10));
    let started = Instant::now();
    let error = notifier.retry(RetryPolicy::until_timeout()).info("e", &1).await.unwrap_err();
    assert_eq!(error.code(), Code::Overloaded);
    assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(script.attempts().len() > 6, "{}", script.attempts().len());
}

#[tokio::test(start_paused = true)]
async fn nt_06_topics_of_the_argument() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    let notifier = Notifier::new(&script.connect(&transport), "p");
    notifier.info("e", &1).await.unwrap();
    notifier.topics(["mine"]).info("e", &1).await.unwrap();
    let sent: Vec<_> = script.attempts().into_iter().map(|(destination, ..)| destination).collect();
    assert_eq!(sent, ["notifications notifications.info", "notifications mine.info"]);
}

#[tokio::test(start_paused = true)]
async fn one_topic_that_fails_does_not_keep_the_others_from_it() {
    let (transport, script) = (MemoryTransport::new(), Script::default());
    script.fail([Error::new(Code::PermissionDenied, "not you")]);
    let notifier = Notifier::new(&script.connect(&transport), "p").topics(["one", "two", "three"]);
    let error = notifier.info("e", &1).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::PermissionDenied, Executed::Unknown));
    let mut events = Listener::builder(&transport, ["two", "three"]).start::<Value>().await.unwrap();
    for _ in 0..2 {
        events.next().await.unwrap().ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_driver_that_fails_does_not_keep_the_others_from_it() {
    let seen = Seen::default();
    let drivers: [Arc<dyn Driver>; 3] =
        [Arc::new(Failing(Code::Overloaded)), Arc::new(seen.clone()), Arc::new(Failing(Code::TooLarge))];
    let error = Notifier::with_drivers("p", drivers).info("e", &1).await.unwrap_err();
    assert_eq!(error.code(), Code::Overloaded, "the first one's");
    assert_eq!(seen.0.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dv_35_of_the_context_only_what_is_allowed_goes_out() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    let mut context = Context::new();
    for key in ["user", "auth-token"] {
        context.metadata.insert(key, "x").unwrap();
    }
    let notifier = Notifier::new(&transport, "p").context(&context);
    notifier.info("e", &1).await.unwrap();
    notifier.context_fields(["user"]).info("e", &1).await.unwrap();
    for allowed in [&[][..], &[("user", "x")]] {
        let event = events.next().await.unwrap();
        assert_eq!(event.context().metadata.iter().collect::<Vec<_>>(), allowed);
        assert_eq!(event.context().request_id, context.request_id);
        event.ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn fn_22_every_priority_has_a_method() {
    let seen = Seen::default();
    let it = Notifier::with_drivers("p", [Arc::new(seen.clone()) as Arc<dyn Driver>]);
    it.audit("e", &1).await.unwrap();
    it.debug("e", &1).await.unwrap();
    it.info("e", &1).await.unwrap();
    it.warn("e", &1).await.unwrap();
    it.error("e", &1).await.unwrap();
    it.critical("e", &1).await.unwrap();
    it.sample("e", &1).await.unwrap();
    let seen: Vec<_> = seen.0.lock().unwrap().iter().map(|emission| emission.message().priority).collect();
    assert_eq!(seen, Priority::ALL);
}
