//! Listeners and notifiers on the oslo wire, where nothing keeps what is rejected.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::driver::{Driver, Drivers, Messaging, NotifierConfig};
use rpc_core::{
    Code, DeadLetterFilter, DeadLetters, Listener, NotificationEndpoint, Notifier, Received, Value,
};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

const SECOND: Duration = Duration::from_secs(1);

async fn connect() -> AmqpTransport {
    AmqpTransport::builder(format!("{}?wire=oslo", Broker::shared().url())).connect().await.unwrap()
}

fn seven() -> Value {
    Value::map([("number", 7_i64)])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_fails_comes_again_until_it_is_handled() {
    const LIMIT: u32 = 2;
    let (transport, topic) = (connect().await, unique("failing"));
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let attempts = Arc::clone(&attempts);
        move |event: Received<Value>| {
            attempts.lock().unwrap().push(event.attempt());
            async move { if event.attempt() <= 3 * LIMIT { Err("the store is down") } else { Ok(()) } }
        }
    };
    let builder = Listener::builder(&transport, [&*topic]).delivery_limit(LIMIT);
    let server = builder.endpoint(NotificationEndpoint::new().on_any(handler));
    let server = server.requeue_delay(SECOND / 50).longest_requeue_delay(SECOND / 10).start().await.unwrap();
    Notifier::new(&transport, "p").topics([&*topic]).info("e", &seven()).await.unwrap();
    let is_handled = async || (attempts.lock().unwrap().len() == 7).then_some(());
    assert!(eventually(is_handled).await.is_some(), "{:?}", attempts.lock().unwrap());
    assert_eq!(*attempts.lock().unwrap(), (1..=7).collect::<Vec<_>>());
    assert_eq!(server.rejected(), 0);
    server.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_dead_letters_is_told_that_there_are_none_kept() {
    let (transport, topic) = (connect().await, unique("none"));
    let dead_letters = DeadLetters::new(&transport);
    let counted = dead_letters.topics([&*topic]).await.unwrap_err();
    let inspected = dead_letters.inspect(&*topic, &DeadLetterFilter::new(), 9).await.unwrap_err();
    for error in [counted, inspected] {
        assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false));
        assert!(error.message().contains("keeps no dead letters"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_writes_json_whoever_made_its_drivers() {
    let (transport, topic) = (connect().await, unique("json"));
    let mut events = Listener::builder(&transport, [&*topic]).start::<Value>().await.unwrap();
    let config: NotifierConfig = serde_json::from_str("{}").unwrap();
    let configured = Notifier::from_config(&config, &Drivers::new().transport(&transport), "p").unwrap();
    let driver: Arc<dyn Driver> = Arc::new(Messaging::new(&transport));
    for notifier in [configured, Notifier::with_drivers("p", [driver])] {
        notifier.topics([&*topic]).info("e", &seven()).await.unwrap();
        let event = tokio::time::timeout(10 * SECOND, events.next()).await.unwrap().unwrap();
        assert_eq!(event.payload(), &seven());
        event.ack().await.unwrap();
    }
}
