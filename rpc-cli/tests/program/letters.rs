//! Dead letters from the command line.

use std::time::Duration;

use crate::support::{Manager, connect, exchange, rpc, server};

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_replayed_and_dropped() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    for command in [&["dlq", "ls"][..], &["dlq", "show", "conductor"]] {
        let ran = rpc(&exchange, command).await;
        assert!(ran.code == 0 && ran.errors.contains("no dead letter"), "{ran:?}");
    }
    let untyped = ["cast", "conductor", "--namespace", "baremetal", "--untyped"];
    for line in [&["sync_power", "node=300"][..], &["sync_powr", "node=1"]] {
        assert_eq!(rpc(&exchange, &[&untyped[..], line].concat()).await.code, 0);
    }
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut counted = serde_json::Value::Null;
    while tokio::time::Instant::now() < until && counted[0]["letters"] != 2 {
        counted = rpc(&exchange, &["dlq", "ls", "--output", "json"]).await.json();
    }
    assert_eq!(counted, serde_json::json!([{ "topic": "conductor", "letters": 2 }]));

    let shown = rpc(&exchange, &["dlq", "show", "conductor", "--code", "invalid_arguments", "-o", "json"])
        .await
        .json();
    assert_eq!(
        (shown.as_array().map(Vec::len), &shown[0]["arguments"]["node"]),
        (Some(1), &300.into()),
        "{shown}"
    );
    let table = rpc(&exchange, &["dlq", "show", "conductor"]).await.output;
    assert!(table.contains("no_such_method") && table.contains("sync_powr"), "{table}");

    let replayed = rpc(&exchange, &["dlq", "replay", "conductor", "--method", "sync_power"]).await;
    assert_eq!((replayed.code, replayed.output.trim()), (0, "replayed 1"), "{replayed:?}");
    let careless = rpc(&exchange, &["dlq", "drop", "conductor"]).await;
    assert!(careless.code == 2 && careless.errors.contains("--all"), "{careless:?}");
    let dropped = rpc(&exchange, &["dlq", "drop", "conductor", "--method", "sync_powr"]).await;
    assert_eq!((dropped.code, dropped.output.trim()), (0, "dropped 1"), "{dropped:?}");
    assert_eq!(rpc(&exchange, &["dlq", "show", "conductor", "--code", "odd"]).await.code, 2);
}
