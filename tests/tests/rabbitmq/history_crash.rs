//! A collector that reads a history is killed again and again, and goes on where it has to: no gap, and what comes twice is
//! known.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Listener, NotificationEndpoint, Notifier, Position, Received, Retention};
use tests::broker::{Broker, unique};
use tests::ledger::{Entry, Ledger};

const KEPT: Retention = Retention::bytes(100_000_000);
const EVENTS: i64 = 1_500;
const KILLS: usize = 8;
const LIMIT: Duration = Duration::from_secs(120);

fn told(name: &str) -> String {
    std::env::var(name).expect("started by the other test of this file")
}

fn position(entry: &Entry) -> Position {
    Position::Offset(entry.number("resume").expect("each entry has one"))
}

/// Handles events side by side, gives some of them back, and stores each with where to go on: in one line, which is there
/// whole or not at all.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the collector process of the other test"]
async fn collector_process() {
    let store = Arc::new(Ledger::open(Path::new(&told("RPC_HISTORY_STORE"))));
    let transport = AmqpTransport::builder(told("RPC_HISTORY_URL")).connect().await.unwrap();
    let handler = {
        let store = Arc::clone(&store);
        move |event: Received<i64>| {
            let store = Arc::clone(&store);
            async move {
                tokio::time::sleep(Duration::from_millis(u64::from(event.payload() % 5 == 0) * 3)).await;
                if event.payload() % 7 == 0 && event.attempt() == 1 {
                    return Err("not yet");
                }
                let Some(Position::Offset(resume)) = event.resume_at() else {
                    return Err("it is from no history");
                };
                store.write_with("stored", &event.payload().to_string(), &[("resume", &resume)]);
                Ok(())
            }
        }
    };
    let exchange = told("RPC_HISTORY_EXCHANGE");
    let listener = Listener::builder(&transport, ["events"]).exchange(exchange).history(KEPT);
    let listener = listener.from(store.read().last().map_or(Position::First, position));
    let server = listener.endpoint(NotificationEndpoint::new().on_any(handler)).concurrency(4);
    let server = server.requeue_delay(Duration::from_millis(40)).start().await.unwrap();
    std::future::pending::<()>().await;
    drop(server);
}

fn collector(exchange: &str, store: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "history_crash::collector_process", "--ignored", "--nocapture"])
        .env("RPC_HISTORY_URL", Broker::shared().url())
        .env("RPC_HISTORY_EXCHANGE", exchange)
        .env("RPC_HISTORY_STORE", store)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_killed_leaves_no_gap() {
    let exchange = unique("killed");
    let path = std::env::temp_dir().join(format!("rpc-{}-{exchange}", std::process::id()));
    let store = Ledger::open(&path);
    let mut child = collector(&exchange, &path);
    let transport = AmqpTransport::builder(Broker::shared().url()).connect().await.unwrap();
    // The history exists before the first event.
    let reader = Listener::builder(&transport, ["events"]).exchange(&exchange).history(KEPT);
    reader.start::<i64>().await.unwrap().close().await;
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&exchange);
    let emitting = tokio::spawn(async move {
        for number in 0..EVENTS {
            notifier.info("counted", &number).await.unwrap();
        }
    });
    let stored =
        || -> BTreeSet<i64> { store.read().iter().map(|entry| entry.subject.parse().unwrap()).collect() };
    let all = async {
        // At moments of the work: whenever so much more of it is done.
        for kill in 1..=KILLS {
            while stored().len() < EVENTS as usize * kill / (KILLS + 1) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            child = collector(&exchange, &path);
        }
        while stored().len() < EVENTS as usize {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, all).await;
    let (seen, entries) = (stored(), store.read());
    child.kill().unwrap();
    child.wait().unwrap();
    emitting.await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let missing: Vec<_> = (0..EVENTS).filter(|number| !seen.contains(number)).collect();
    assert!(in_time.is_ok(), "{} of {EVENTS} are missing, such as {:?}", missing.len(), missing.first());
    // A kill brings again what was behind the first open event: no more than the prefetch, in all likelihood.
    let doubles = entries.len() - seen.len();
    assert!(
        doubles <= KILLS * 2 * usize::from(rpc_core::ListenerBuilder::DEFAULT_PREFETCH),
        "{doubles} twice"
    );
}
