//! How often a call allocates. Does not depend on how busy the machine is.
//!
//! ```text
//! cargo bench -p rpc-core --bench allocations
//! ```
//!
//! All allocations of the process count, those of client, server and transport, over many calls after some that warm up.
//! The last lines are for scripts: `figure WORKLOAD allocations NUMBER` and `figure WORKLOAD bytes NUMBER`, per call. A text
//! is allocated four times by the user's own types: by the caller, as argument and result, and as the caller's result.

#[path = "support/echo.rs"]
mod echo;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;

use self::echo::{EchoClient, start};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WARM_UP: usize = 10_000;
const CALLS: usize = 50_000;

fn main() {
    // Where the tasks run makes no difference to the count, but one thread makes it repeatable.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    for in_flight in [1, 64] {
        let measure = |text| runtime.block_on(allocations(in_flight, text));
        for (name, text) in [("number", None), ("text_64B", Some("x".repeat(64)))] {
            let (count, bytes) = measure(text);
            println!("figure call{in_flight}_memory_{name} allocations {count:.2}");
            println!("figure call{in_flight}_memory_{name} bytes {bytes:.0}");
        }
    }
}

/// How many, and how many bytes, per call. Growing what is there counts as well.
async fn allocations(in_flight: usize, text: Option<String>) -> (f64, f64) {
    let (client, _server) = start().await;
    load(&client, in_flight, WARM_UP, text.as_ref()).await;
    let region = Region::new(MEMORY);
    let calls = load(&client, in_flight, CALLS, text.as_ref()).await as f64;
    let change = region.change();
    let count = change.allocations + change.reallocations;
    (count as f64 / calls, change.bytes_allocated as f64 / calls)
}

/// How many calls were made, `calls` at least.
async fn load(client: &EchoClient, in_flight: usize, calls: usize, text: Option<&String>) -> usize {
    let each = calls.div_ceil(in_flight);
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (client, text) = (client.clone(), text.cloned());
            tokio::spawn(async move {
                for number in 0..each as u64 {
                    match &text {
                        Some(text) => drop(client.text(text.clone()).await.expect("it is served")),
                        None => drop(client.number(number).await.expect("it is served")),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no call fails");
    }
    each * in_flight
}
