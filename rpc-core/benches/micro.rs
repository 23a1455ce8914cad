//! The parts that a request passes, each by itself, with time and allocations.
//!
//! ```text
//! cargo bench -p rpc-core --bench micro
//! cargo bench -p rpc-core --bench micro -- codec      # only those whose path holds the word
//! ```

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "support/echo.rs"]
mod echo;
#[expect(
    dead_code,
    unused_imports,
    reason = "only what a call does is measured, and its tests run elsewhere"
)]
#[path = "../src/client/reply_table.rs"]
mod reply_table;

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use rpc_core::codec;
use rpc_core::{ContentType, Context, Endpoint, Invocation, Listener, MemoryTransport, Notifier};
use tokio::runtime::{Builder, Runtime};

use self::echo::{EchoIntoEndpoint, Plain, start, start_with};
use self::reply_table::ReplyTable;

#[global_allocator]
static MEMORY: AllocProfiler = AllocProfiler::system();

/// Formats and sizes, in bytes.
const BODIES: [(ContentType, usize); 4] = [
    (ContentType::MessagePack, 64),
    (ContentType::MessagePack, 4_096),
    (ContentType::Json, 64),
    (ContentType::Json, 4_096),
];

fn main() {
    divan::Divan::from_args().min_time(Duration::from_millis(200)).main();
}

/// The arguments of a method, as the generated client has them.
#[derive(serde::Deserialize, serde::Serialize)]
struct Arguments {
    text: String,
}

impl Arguments {
    fn of(size: usize) -> Self {
        Self { text: "x".repeat(size) }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[divan::bench(args = BODIES)]
fn codec_encode(bencher: Bencher<'_, '_>, (format, size): (ContentType, usize)) {
    let arguments = Arguments::of(size);
    bencher.bench(|| codec::encode(format, black_box(&arguments)).unwrap());
}

#[divan::bench(args = BODIES)]
fn codec_decode(bencher: Bencher<'_, '_>, (format, size): (ContentType, usize)) {
    let payload = codec::encode(format, &Arguments::of(size)).unwrap();
    bencher.bench(|| codec::decode::<Arguments>(black_box(&payload)).unwrap());
}

/// Decodes the arguments, runs a method that does nothing, and encodes its result.
#[divan::bench]
fn dispatch(bencher: Bencher<'_, '_>) {
    let endpoint = Plain.into_endpoint();
    let method = endpoint.interface().methods.iter().position(|method| method.name == "text").unwrap();
    let payload = codec::encode(ContentType::MessagePack, &Arguments::of(64)).unwrap();
    let context = Arc::new(Context::new());
    let runtime = runtime();
    bencher.bench_local(|| {
        let invocation = Invocation::new(Arc::clone(&context), payload.clone());
        runtime.block_on(endpoint.dispatch(method, invocation))
    });
}

/// One call comes and goes while so many others wait.
#[divan::bench(args = [0, 64, 99_999])]
fn reply_table(bencher: Bencher<'_, '_>, waiting: u32) {
    let table = ReplyTable::new(100_000);
    for key in 0..waiting {
        table.insert(scattered(key), key).unwrap();
    }
    let mut next = waiting;
    bencher.bench_local(|| {
        next = next.wrapping_add(1).max(waiting);
        let key = scattered(next);
        table.insert(key, next).unwrap();
        table.take(black_box(key))
    });
}

/// Keys are random; these are so enough.
const fn scattered(key: u32) -> u128 {
    (key as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// An event is emitted and taken by a listener that wants so many types, this one last.
#[divan::bench(args = [0, 1, 50])]
fn event_filter(bencher: Bencher<'_, '_>, types: usize) {
    let runtime = runtime();
    let transport = MemoryTransport::new();
    let notifier = Notifier::new(&transport, "bench");
    let mut listener = Listener::builder(&transport, ["notifications"]);
    for number in (0..types).rev() {
        listener = listener.event_type(format!("compute.instance.event-{number}"));
    }
    let mut listener = runtime.block_on(listener.start::<u64>()).unwrap();
    bencher.bench_local(|| {
        runtime.block_on(async {
            notifier.info("compute.instance.event-0", &1_u64).await.unwrap();
            listener.next().await.unwrap().ack().await.unwrap();
        });
    });
}

/// A whole call, one at a time, at a server that counts what it does and at one that does not.
#[divan::bench(args = [true, false])]
fn call_memory(bencher: Bencher<'_, '_>, counted: bool) {
    let runtime = runtime();
    let uncounted = || runtime.block_on(start_with(|builder| builder.introspection(false)));
    let (client, _server) = if counted { runtime.block_on(start()) } else { uncounted() };
    bencher.bench_local(|| runtime.block_on(client.number(black_box(1)).into_future()).unwrap());
}
