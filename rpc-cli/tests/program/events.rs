//! Events from and to the command line.

use crate::support::{exchange, rpc};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_emitted_is_shown_to_those_who_want_it() {
    let exchange = exchange();
    let listen = ["listen", "--pool", "cli", "--output", "json"];
    // The pool begins to exist.
    let ran = rpc(&exchange, &[&listen[..], &["--timeout", "200ms"]].concat()).await;
    assert_eq!((ran.code, ran.output.as_str()), (0, ""), "{ran:?}");
    for (event_type, priority, node) in
        [("node.on", "info", "node=1"), ("disk.full", "error", "node=2"), ("node.off", "warn", "node=3")]
    {
        let ran =
            rpc(&exchange, &["notify", event_type, "--priority", priority, node, "state=well done"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let wanted = ["--event-type", "node", "--count", "2", "--timeout", "20s"];
    let ran = rpc(&exchange, &[&listen[..], &wanted].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut events: Vec<serde_json::Value> =
        ran.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.sort_by_key(|event| event["payload"]["node"].as_u64());
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (event["event_type"].as_str().unwrap(), event["priority"].as_str().unwrap(), &event["payload"])
        })
        .collect();
    let payload = |node: u64| serde_json::json!({ "node": node, "state": "well done" });
    assert_eq!(seen, [("node.on", "info", &payload(1)), ("node.off", "warn", &payload(3))]);

    let other = ["--event-type", "none", "--count", "1", "--timeout", "300ms"];
    let ran = rpc(&exchange, &[&listen[..], &other].concat()).await;
    assert!(ran.code == 4 && ran.errors.contains("0 of 1 events") && ran.output.is_empty(), "{ran:?}");
    let ran = rpc(&exchange, &["listen", "--pool", "cli", "--event-type", "("]).await;
    assert_eq!(ran.code, 2, "a bad expression: {ran:?}");
}
