//! The memory transport beside tarpc's in-memory channel: the same method, called on the same runtime.
//!
//! ```text
//! cargo bench -p rpc-core --bench versus_tarpc
//! cargo bench -p rpc-core --bench versus_tarpc -- --quick      # within half a minute
//! ```
//!
//! The sides take turns, the other one first each time. What differs stays as it is: tarpc hands values over as they are,
//! while this transport encodes them and keeps a broker's promises.
//!
//! The last lines are for scripts: `ratio WORKLOAD time NUMBER`, time per call, ours over theirs, from the medians over all
//! rounds. `current` in a name means one thread, `multi` means tokio's default.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "versus_tarpc/load.rs"]
mod load;
#[path = "versus_tarpc/ours.rs"]
mod ours;
#[path = "versus_tarpc/theirs.rs"]
mod theirs;

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::load::{load, median};
use self::ours::Ours;
use self::theirs::Theirs;

fn main() -> ExitCode {
    let (mut turn, mut rounds) = (Duration::from_secs(1), 7);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            // Said by cargo.
            "--bench" => {}
            "--quick" => (turn, rounds) = (Duration::from_millis(300), 5),
            _ => {
                eprintln!("usage: versus_tarpc [--quick]");
                return ExitCode::from(2);
            }
        }
    }
    let mut ratios = Vec::new();
    println!("{:<16} {:>14} {:>14} {:>8}", "workload", "ours ns", "tarpc ns", "ratio");
    for (runtime, name) in [(multi(), "multi"), (current(), "current")] {
        for in_flight in [1, 64] {
            let (ours, theirs) = runtime.block_on(compare(in_flight, turn, rounds));
            let (workload, ratio) = (format!("call{in_flight}_{name}"), ours / theirs);
            println!("{workload:<16} {ours:>14.0} {theirs:>14.0} {ratio:>8.3}");
            ratios.push(format!("ratio {workload}_vs_tarpc time {ratio:.3}"));
        }
    }
    println!("\n{}", ratios.join("\n"));
    ExitCode::SUCCESS
}

fn multi() -> Runtime {
    Builder::new_multi_thread().enable_all().build().unwrap()
}

fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Nanoseconds per call, ours and theirs.
async fn compare(in_flight: usize, turn: Duration, rounds: usize) -> (f64, f64) {
    let (ours, theirs) = (Ours::start().await, Theirs::start());
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    // Round 0 only warms up.
    for round in 0..=rounds {
        let measured = if round % 2 == 0 {
            let first = load(&ours, in_flight, turn).await;
            (first, load(&theirs, in_flight, turn).await)
        } else {
            let first = load(&theirs, in_flight, turn).await;
            (load(&ours, in_flight, turn).await, first)
        };
        if round > 0 {
            our_times.push(measured.0);
            their_times.push(measured.1);
        }
    }
    (median(our_times), median(their_times))
}
