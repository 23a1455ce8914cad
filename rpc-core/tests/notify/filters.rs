//! Which events pass a filter.

use rpc_core::{Code, Context, Filter, Listener, MemoryTransport, NotificationEndpoint, Notifier, Value};

use crate::journal::Journal;
use crate::support::settle;

/// A notifier under test, whose events are from `compute.host-1`, of `ada`.
fn notifier(transport: &MemoryTransport) -> Notifier {
    let mut context = Context::new();
    context.metadata.insert("user", "ada").unwrap();
    Notifier::new(transport, "compute.host-1").context(&context).context_fields(["user"])
}

/// Whether an event of `instance.create.end` with `payload` passes.
async fn passes_with(filter: Filter, payload: &Value) -> bool {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().filter(filter).on_any(journal.note::<Value>("h"));
    let builder = Listener::builder(&transport, ["notifications"]).endpoint(endpoint);
    let _server = builder.start().await.unwrap();
    notifier(&transport).info("instance.create.end", payload).await.unwrap();
    settle().await;
    assert!(transport.broker().dead_letters().is_empty());
    !journal.lines().is_empty()
}

async fn passes(filter: Filter) -> bool {
    passes_with(
        filter,
        &Value::map([("state", Value::from("active")), ("none", Value::Null), ("size", 7.into())]),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn nt_26_a_publisher_id_matches_from_its_start() {
    assert!(passes(Filter::new().publisher_id("compute\\..*")).await);
    assert!(passes(Filter::new().publisher_id("compute")).await);
    assert!(!passes(Filter::new().publisher_id("host-1")).await);
    assert!(!passes(Filter::new().publisher_id("compute$")).await);
}

#[tokio::test(start_paused = true)]
async fn nt_27_event_types() {
    assert!(passes(Filter::new().event_type("instance\\.(create|delete)\\.")).await);
    assert!(!passes(Filter::new().event_type("instance\\.delete\\.")).await);
}

#[tokio::test(start_paused = true)]
async fn nt_28_contexts() {
    assert!(passes(Filter::new().context("user", "^ada$")).await);
    assert!(!passes(Filter::new().context("user", "^bob$")).await);
    assert!(!passes(Filter::new().context("project", ".*")).await, "a key that is missing does not match");
    assert!(passes(Filter::new().context("request_id", "[0-9a-f]{8}-")).await);
}

#[tokio::test(start_paused = true)]
async fn nt_29_metadata() {
    assert!(passes(Filter::new().metadata("message_id", "[0-9a-f]{32}$")).await);
    assert!(passes(Filter::new().metadata("timestamp", "20[0-9]{2}-[01][0-9]-[0-3][0-9] ")).await);
    assert!(!passes(Filter::new().metadata("timestamp", "19")).await);
    assert!(!passes(Filter::new().metadata("no_such_key", ".*")).await);
}

#[tokio::test(start_paused = true)]
async fn nt_30_payloads() {
    assert!(passes(Filter::new().payload("state", "active|error")).await);
    assert!(!passes(Filter::new().payload("state", "error")).await);
    for key in ["no_such_key", "none", "size"] {
        assert!(!passes(Filter::new().payload(key, ".*")).await, "{key} has no text");
    }
    for payload in [Value::Null, "state".into(), Value::List(vec!["state".into()])] {
        assert!(!passes_with(Filter::new().payload("state", ".*"), &payload).await);
        assert!(passes_with(Filter::new(), &payload).await);
    }
}

#[tokio::test(start_paused = true)]
async fn nt_31_all_that_is_said_has_to_match() {
    let both = Filter::new().publisher_id("compute").payload("state", "active");
    assert!(passes(both.clone()).await);
    assert!(!passes(both.clone().event_type("volume")).await);
    assert!(!passes(both.context("user", "bob")).await);
}

#[tokio::test(start_paused = true)]
async fn endpoints_have_each_their_own_filter() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let of = |name, state: &str| {
        let filter = Filter::new().payload("state", state);
        NotificationEndpoint::new().filter(filter).on_any(journal.note::<Value>(name))
    };
    let builder =
        Listener::builder(&transport, ["notifications"]).endpoint(of("a", "a")).endpoint(of("b", "b"));
    let server = builder.endpoint(of("ab", "[ab]")).endpoint(of("c", "c")).start().await.unwrap();
    for state in ["a", "b", "x"] {
        notifier(&transport).info(state, &Value::map([("state", state)])).await.unwrap();
        settle().await;
    }
    assert_eq!(journal.lines(), ["a a 1", "ab a 1", "b b 1", "ab b 1"]);
    server.shutdown(std::time::Duration::from_secs(1)).await;
    let mut rest = Listener::builder(&transport, ["notifications"]).start::<Value>().await.unwrap();
    assert!(
        tokio::time::timeout(std::time::Duration::from_secs(1), rest.next()).await.is_err(),
        "passed over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_takes_what_passes_any_of_its_filters() {
    let transport = MemoryTransport::new();
    let builder = Listener::builder(&transport, ["notifications"])
        .filter(Filter::new().event_type("a").payload("state", "x"))
        .filter(Filter::new().event_type("b"));
    let mut events = builder.start::<Value>().await.unwrap();
    for event_type in ["a", "b", "c"] {
        notifier(&transport).info(event_type, &Value::map([("state", "y")])).await.unwrap();
    }
    let event = events.next().await.unwrap();
    assert_eq!(event.event_type(), "b");
    event.ack().await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_secs(1), events.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_bad_expression_fails_at_the_start() {
    let transport = MemoryTransport::new();
    let bad = || Filter::new().event_type("compute.(");
    let listener = Listener::builder(&transport, ["t"]).filter(bad()).start::<Value>().await.unwrap_err();
    let endpoint = NotificationEndpoint::new().filter(bad());
    let server = Listener::builder(&transport, ["t"]).endpoint(endpoint).start().await.unwrap_err();
    for error in [listener, server] {
        assert_eq!(error.code(), Code::InvalidArguments);
        assert!(error.message().contains("event_type") && error.message().contains("compute.("), "{error}");
    }
}

#[test]
fn filters_can_stand_in_a_configuration() {
    let text = r#"{ "event_type": "compute\\.", "payload": { "state": "error" } }"#;
    let filter: Filter = serde_json::from_str(text).unwrap();
    assert_eq!(filter, Filter::new().event_type("compute\\.").payload("state", "error"));
    assert!(serde_json::from_str::<Filter>(r#"{ "publisher": "x" }"#).is_err());
}
