//! Confirmed events: one at a time, and many on their way.
//!
//! ```text
//! cargo bench -p rpc-amqp --bench pipelining               # half a minute
//! cargo bench -p rpc-amqp --bench pipelining -- --quick    # a few seconds
//! ```
//!
//! One notifier, classic and quorum queues, one pool whose listener is away. The sides take turns; the last lines are for scripts: `ratio
//! notify_QUEUE_pipelined_vs_one_by_one throughput NUMBER`, of the medians.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "support/broker.rs"]
mod broker;

use std::process::ExitCode;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_amqp::AmqpTransport;
use rpc_core::{Listener, Notifier, Priority};
use tokio::runtime::Builder;

/// As many as the notifier's background has on their way.
const ON_THEIR_WAY: usize = 256;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (rounds, events) = match &words[..] {
        [] => (7, 1_000),
        [word] if word == "--quick" => (3, 300),
        _ => {
            eprintln!("usage: pipelining [--quick]");
            return ExitCode::from(2);
        }
    };
    broker::with_broker(|url| {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for queue in ["classic", "quorum"] {
                measure(&format!("{url}?queue_type={queue}"), queue, rounds, events).await;
            }
        });
        ExitCode::SUCCESS
    })
}

async fn measure(url: &str, queue: &str, rounds: usize, events: usize) {
    let transport = AmqpTransport::builder(url).connect().await.unwrap();
    let notifier = Notifier::new(&transport, "bench").topics([queue]).exchange("pipelining");
    // An event that no queue takes would be published twice.
    let pool = Listener::builder(&transport, [queue]).exchange("pipelining").pool("bench");
    let pool = pool.priorities([Priority::Info]).start::<u64>().await.unwrap();
    pool.close().await;
    // Both ways, so that neither pays for what is made at first.
    send(&notifier, events, 1).await;
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(send(&notifier, events, 1).await);
        together.push(send(&notifier, 10 * events, ON_THEIR_WAY).await);
    }
    let (alone, together) = (median(alone), median(together));
    println!(
        "{queue}: {alone:.0} events a second one by one, {together:.0} with {ON_THEIR_WAY} on their way"
    );
    println!("ratio notify_{queue}_pipelined_vs_one_by_one throughput {:.2}", together / alone);
}

/// Events a second.
async fn send(notifier: &Notifier, events: usize, on_their_way: usize) -> f64 {
    let started = Instant::now();
    let mut sending = FuturesUnordered::new();
    for number in 0..events {
        if sending.len() == on_their_way {
            let sent: Option<Result<(), _>> = sending.next().await;
            sent.expect("some are on their way").expect("a broker takes it");
        }
        let (notifier, number) = (notifier.clone(), number as u64);
        sending.push(async move { notifier.info("bench.event", &number).await });
    }
    while let Some(sent) = sending.next().await {
        sent.expect("a broker takes it");
    }
    events as f64 / started.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
