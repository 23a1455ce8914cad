//! What a collector sees.

use std::time::Duration;

use rpc_core::{
    Code, ContentType, Listener, MemoryTransport, Notification, Notifier, Position, Priority, Retention,
    Server, Target, Value, service,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "node.power_set", priority = "warn")]
struct PowerSet {
    node: String,
    on: bool,
}

#[tokio::test(start_paused = true)]
async fn nt_05_a_typed_event_arrives_with_everything_about_it() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["notifications"]).start::<PowerSet>().await.unwrap();
    let sent = PowerSet { node: "n".to_owned(), on: true };
    Notifier::new(&transport, "conductor.a").emit(&sent).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!(event.payload(), &sent);
    assert_eq!((event.event_type(), event.publisher_id()), ("node.power_set", "conductor.a"));
    assert_eq!((event.priority(), event.is_redelivered()), (Priority::Warn, false));
    assert!(event.timestamp().elapsed().unwrap() < Duration::from_secs(60));
    event.ack().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_event_comes_until_it_is_acknowledged() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    let first = events.next().await.unwrap();
    let id = first.message_id().clone();
    drop(first);
    let second = events.next().await.unwrap();
    assert!(second.is_redelivered() && second.message_id() == &id);
    second.requeue().await.unwrap();
    events.next().await.unwrap().ack().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), events.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_decode_goes_to_the_dead_letters_and_the_rest_flows() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["notifications"]).start::<PowerSet>().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.info("node.power_set", &Value::map([("node", 7), ("on", 1)])).await.unwrap();
    notifier.emit(&PowerSet { node: "n".to_owned(), on: false }).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!(event.payload().node, "n");
    event.reject("the test does not want it").await.unwrap();
    let dead = transport.broker().dead_letters();
    assert_eq!((dead[0].code, dead[1].code), (Code::Malformed, Code::ServiceError));
    assert!(
        dead[0].reason.contains("node: invalid type: integer `7`, expected a string"),
        "{}",
        dead[0].reason
    );
    assert_eq!(dead[1].reason, "the test does not want it");
}

#[tokio::test(start_paused = true)]
async fn a_listener_chooses_the_content_types_that_it_accepts() {
    let transport = MemoryTransport::new();
    let builder = Listener::builder(&transport, ["notifications"]).accept([ContentType::Json]);
    let mut events = builder.start::<u8>().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.info("e", &1).await.unwrap();
    notifier.content_type(ContentType::Json).info("e", &2).await.unwrap();
    assert_eq!(events.next().await.unwrap().payload(), &2);
    let dead = &transport.broker().dead_letters()[0];
    assert!(dead.reason.contains("application/json"), "{}", dead.reason);
}

#[tokio::test(start_paused = true)]
async fn a_listener_takes_the_types_and_priorities_that_it_wants() {
    let transport = MemoryTransport::new();
    let builder = Listener::builder(&transport, ["one", "two"]).pool("some");
    let builder = builder.event_type("wanted").priorities([Priority::Info, Priority::Error]);
    let mut events = builder.start::<String>().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["one", "two", "three"]);
    notifier.info("unwanted", "a").await.unwrap();
    notifier.warn("wanted", "b").await.unwrap();
    notifier.error("wanted", "c").await.unwrap();
    for _ in ["one", "two"] {
        let event = events.next().await.unwrap();
        assert_eq!(event.payload(), "c");
        event.ack().await.unwrap();
    }
    assert!(tokio::time::timeout(Duration::from_secs(1), events.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handlers_events_carry_its_request() {
    /// Emits.
    #[service]
    trait Emitter {
        /// Emits an event.
        #[call]
        async fn run(&self, ctx: &rpc_core::Context) -> String;
    }
    struct Emitting(Notifier);
    impl Emitter for Emitting {
        async fn run(&self, ctx: &rpc_core::Context) -> String {
            self.0.info("ran", &()).await.unwrap();
            ctx.request_id.to_string()
        }
    }
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    let endpoint = Emitting(Notifier::new(&transport, "p")).into_endpoint();
    let _server =
        Server::builder(&transport, Target::topic("emitter")).endpoint(endpoint).start().await.unwrap();
    let request_id = EmitterClient::new(&transport, Target::topic("emitter")).run().await.unwrap();
    assert_eq!(events.next().await.unwrap().context().request_id.as_str(), request_id);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_told() {
    let transport = MemoryTransport::new();
    let notifier = Notifier::new(&transport, "p");
    assert_eq!(notifier.info("", &1).await.unwrap_err().code(), Code::InvalidArguments);
    assert_eq!(notifier.info("e", &vec![0_u8; 5_000_000]).await.unwrap_err().code(), Code::TooLarge);
    assert_eq!(notifier.clone().topics([""]).info("e", &1).await.unwrap_err().code(), Code::InvalidArguments);
    let none = Listener::builder(&transport, Vec::<String>::new()).start::<Value>().await;
    assert_eq!(none.unwrap_err().code(), Code::InvalidArguments);
    let unwanted = Listener::builder(&transport, ["t"]).priorities([]).start::<Value>().await;
    assert_eq!(unwanted.unwrap_err().code(), Code::InvalidArguments);
}

#[tokio::test(start_paused = true)]
async fn a_transport_without_a_history_says_so() {
    let transport = MemoryTransport::new();
    let reader = || Listener::builder(&transport, ["notifications"]).history(Retention::bytes(1_000));
    let error = reader().start::<u8>().await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false));
    // What does not fit together is found before a broker is asked.
    let in_a_pool = reader().pool("p").start::<u8>().await.unwrap_err();
    let two_topics = Listener::builder(&transport, ["a", "b"]).history(Retention::bytes(1_000));
    let two_topics = two_topics.from(Position::after(7)).start::<u8>().await.unwrap_err();
    let no_history =
        Listener::builder(&transport, ["a"]).from(Position::First).start::<u8>().await.unwrap_err();
    for error in [in_a_pool, two_topics, no_history] {
        assert_eq!(error.code(), Code::InvalidArguments, "{error}");
    }
}
