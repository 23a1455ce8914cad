//! Which listener sees which event.

use std::time::Instant;

use serde_json::json;
use tests::broker::unique;

use crate::program::{Client, SOON};

#[test]
fn processes_of_a_pool_share_and_other_pools_get_all() {
    let (topic, mut notifier) = (unique("events"), Client::start());
    let listen = |pool: Option<&str>| {
        let mut listener = Client::start();
        let operation = json!({"op": "listen", "topics": [topic], "pool": pool});
        assert_eq!(listener.perform(operation)["ok"], json!(null));
        listener
    };
    let (mut first, mut second, mut alone) = (listen(Some("shared")), listen(Some("shared")), listen(None));
    let priorities = ["audit", "debug", "info", "warn", "error", "critical", "sample"];
    let sent: Vec<u64> = (0..42).collect();
    for number in &sent {
        let priority = priorities[usize::try_from(*number).unwrap() % priorities.len()];
        let operation = json!({"op": "notify", "topic": topic, "priority": priority, "event_type": "counted",
            "publisher": "test", "payload": {"number": number}});
        assert_eq!(notifier.perform(operation)["ok"], json!(null));
    }
    while alone.events.len() < sent.len() {
        alone.take_line();
    }
    assert_eq!(numbers(&alone), sent);
    assert!(
        alone.events.iter().all(|event| event["publisher"] == "test" && event["event_type"] == "counted")
    );

    let until = Instant::now() + SOON;
    while first.events.len() + second.events.len() < sent.len() && Instant::now() < until {
        first.take_line_if_any();
        second.take_line_if_any();
    }
    let mut shared = [numbers(&first), numbers(&second)].concat();
    shared.sort_unstable();
    assert_eq!(shared, sent, "each event reaches one of the pool");
}

fn numbers(listener: &Client) -> Vec<u64> {
    let mut numbers: Vec<_> =
        listener.events.iter().map(|event| event["payload"]["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn an_unknown_priority_is_told() {
    let mut client = Client::start();
    let operation =
        json!({"op": "notify", "topic": "t", "priority": "loud", "event_type": "e", "publisher": "p"});
    assert_eq!(client.perform(operation)["error"]["code"], json!("invalid_arguments"));
}
