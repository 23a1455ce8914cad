//! A load, and what is told of it.

use std::time::Duration;

use crate::support::{Manager, connect, exchange, rpc, rpc_at, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_load_on_an_own_server_needs_nobody_and_leaves_no_process() {
    let exchange = exchange();
    let drawing = std::env::temp_dir().join(format!("rpc-bench-{}.svg", std::process::id()));
    let line = ["bench", "--self", "--count", "300", "--warm-up", "100ms", "--output", "json", "--svg"];
    let ran = rpc(&exchange, &[&line[..], &[drawing.to_str().unwrap()]].concat()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert_eq!((&report["calls"], &report["failed"]), (&300.into(), &0.into()), "{report}");
    assert_eq!((&report["loop"], &report["in_flight"]), (&"closed".into(), &16.into()), "{report}");
    let latency = |name: &str| report["latency"][name].as_u64().unwrap();
    assert!(
        0 < latency("min_us")
            && latency("p50_us") <= latency("p99_us")
            && latency("p99_us") <= latency("max_us")
    );
    assert_eq!(latency("count"), 300);
    let drawn = std::fs::read_to_string(&drawing).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("echo of 501 to 11500 letters"), "{drawn}");
    std::fs::remove_file(drawing).unwrap();
    assert!(ran.errors.is_empty(), "no progress where nobody looks: {}", ran.errors);
    let gone = rpc(&exchange, &["ls", "--timeout", "300ms"]).await;
    assert_eq!(gone.code, 4, "the server went with the load: {gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_ends_in_time_and_counts_from_when_a_call_should_have_begun() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).workers(1).start().await.unwrap();
    // Ten in a second, of which a worker can run five: each has to wait longer than the one before.
    let line = [
        "bench",
        "conductor",
        "sleep",
        "milliseconds=200",
        "--rate",
        "10",
        "--duration",
        "2s",
        "--warm-up",
        "0s",
    ];
    let ran = rpc(&exchange, &[&line[..], &["--output", "json"]].concat()).await;
    let report = ran.json();
    assert_eq!((ran.code, &report["loop"], &report["calls"]), (0, &"open".into(), &20.into()), "{ran:?}");
    let (first, last) =
        (report["latency"]["min_us"].as_u64().unwrap(), report["latency"]["max_us"].as_u64().unwrap());
    assert!(first >= 200_000 && last >= 1_900_000, "{report}");
    assert!(ran.took < Duration::from_secs(15), "{ran:?}");

    let line = [&line[..], &["--in-flight", "1", "--output", "json"]].concat();
    let ran = rpc(&exchange, &line).await;
    let report = ran.json();
    assert!(ran.code == 1 && report["missed"].as_u64().unwrap() >= 8, "{ran:?}");
    assert!(report["late"]["max_us"].as_u64().unwrap() >= 500_000, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_their_codes() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let count = ["--count", "5", "--warm-up", "0s", "--output", "json"];
    let locked = ["bench", "conductor", "change_power", "node=13", "on=true"];
    let ran = rpc(&exchange, &[&locked[..], &count].concat()).await;
    assert_eq!((ran.code, &ran.json()["errors"]["service_error"]), (1, &5.into()), "{ran:?}");
    let slow = ["bench", "conductor", "sleep", "milliseconds=5000", "--timeout", "100ms"];
    let ran = rpc(&exchange, &[&slow[..], &count].concat()).await;
    assert_eq!((ran.code, &ran.json()["errors"]["deadline_exceeded"]), (1, &5.into()), "{ran:?}");
    let table =
        rpc(&exchange, &["bench", "conductor", "sync_power", "node=1", "--count", "50", "--warm-up", "0s"])
            .await;
    assert!(
        table.code == 0 && table.output.contains("P99.9") && table.output.contains("100.000%"),
        "{table:?}"
    );
    let ran = rpc(&exchange, &["bench", "conductor", "nodes"]).await;
    assert!(ran.code == 2 && ran.errors.contains("nodes is a fanout"), "{ran:?}");
    for wrong in
        [&["bench", "conductor"][..], &["bench", "--rate", "0"], &["bench", "conductor", "sleep", "--self"]]
    {
        assert_eq!(rpc(&exchange, wrong).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_needs_no_broker() {
    let line = [
        "bench",
        "--size",
        "100",
        "--duration",
        "200ms",
        "--warm-up",
        "0s",
        "--rate",
        "1000",
        "--output",
        "json",
    ];
    let ran = rpc_at("memory://", "x", &line).await;
    let calls = ran.json()["calls"].as_u64().unwrap();
    assert!(ran.code <= 1 && (1..=200).contains(&calls), "{ran:?}");
}
