//! What audit listeners write down.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{Notifier, Value};
use tests::broker::{Broker, unique};

use crate::program::{Program, SOON};

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    folder.join(format!("{name}-{}", std::process::id()))
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn listener(pool: &str, file: &Path, event_type: &str) -> Program {
    let arguments =
        ["--pool", pool, "--file", file.to_str().unwrap(), "--publisher", "vault", "--event-type"];
    let program =
        Program::start(env!("CARGO_BIN_EXE_audit-listener"), &[&arguments[..], &[event_type]].concat());
    program.line_with("listening");
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_a_pool_share_what_passes_the_filter() {
    const EVENTS: usize = 60;
    let (event_type, pool, copy) = (unique("door"), unique("audit"), unique("copy"));
    let files = ["first", "second", "alone"].map(|name| file(&unique(name)));
    let mut listeners = [&pool, &pool, &copy]
        .into_iter()
        .zip(&files)
        .map(|(pool, file)| listener(pool, file, &event_type))
        .collect::<Vec<_>>();

    let transport = AmqpTransport::builder(Broker::shared().url()).connect().await.unwrap();
    for number in 0..EVENTS {
        for (publisher, event_type) in
            [("vault.1", event_type.as_str()), ("lamp.1", event_type.as_str()), ("vault.2", "elsewhere")]
        {
            let payload = Value::map([("number", i64::try_from(number).unwrap())]);
            Notifier::new(&transport, publisher).audit(event_type, &payload).await.unwrap();
        }
    }
    let until = Instant::now() + SOON;
    let count = || files.each_ref().map(|file| lines(file).len());
    while Instant::now() < until && count().iter().sum::<usize>() < 2 * EVENTS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for listener in &mut listeners {
        listener.terminate();
        listener.line_with("stopped");
        assert!(listener.status().success());
    }
    let [first, second, mut alone] = files.each_ref().map(|file| lines(file));
    assert!(!first.is_empty() && !second.is_empty(), "both of the pool work: {:?}", count());
    let mut shared = [first, second].concat();
    shared.sort();
    alone.sort();
    assert_eq!(shared, alone, "each pool has all, at the first attempt, and no event twice");
    assert_eq!(alone.len(), EVENTS);
    assert!(alone.iter().all(|line| line.contains(&format!(" 1 audit vault.1 {event_type} "))), "{alone:?}");
    for file in &files {
        std::fs::remove_file(file).unwrap();
    }
}
