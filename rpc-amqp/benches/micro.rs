//! The layout of messages on the wire, with time and allocations.
//!
//! ```text
//! cargo bench -p rpc-amqp --features benching --bench micro
//! ```

#[path = "support/hot_path.rs"]
mod hot_path;

use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use rpc_amqp::benching::{read, write};
use rpc_core::message::Message;

#[global_allocator]
static MEMORY: AllocProfiler = AllocProfiler::system();

type Make = fn() -> Message;

/// What is written and read.
const KINDS: [(&str, Make); 3] =
    [("request", hot_path::request), ("reply", hot_path::reply), ("notification", hot_path::notification)];

fn main() {
    divan::Divan::from_args().min_time(Duration::from_millis(200)).main();
}

fn message(kind: &str) -> Message {
    let make = KINDS.iter().find(|(name, _)| *name == kind).expect("a kind of the list").1;
    make()
}

#[divan::bench(args = KINDS.map(|(name, _)| name))]
fn wire_write(bencher: Bencher<'_, '_>, kind: &str) {
    let message = message(kind);
    bencher
        .with_inputs(|| message.clone())
        .bench_values(|message| write(message).expect("its names are short"));
}

#[divan::bench(args = KINDS.map(|(name, _)| name))]
fn wire_read(bencher: Bencher<'_, '_>, kind: &str) {
    let wired = write(message(kind)).expect("its names are short");
    bencher.bench(|| read(black_box(&wired)).expect("it is ours"));
}
