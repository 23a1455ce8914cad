//! What a call costs as things grow around it.
//!
//! ```text
//! cargo bench -p rpc-amqp --bench growth                 # in memory, then over RabbitMQ
//! cargo bench -p rpc-amqp --bench growth -- --memory     # in memory only
//! cargo bench -p rpc-amqp --bench growth -- --quick      # in memory only, within half a minute
//! ```
//!
//! Each thing that grows has some stages that exist side by side: each with its own transport, all in this process. They
//! take turns, one call at a time. In memory everything runs on one thread, so that CPU time is the time of the call,
//! however busy the machine is; over RabbitMQ the broker's CPU time is not counted.
//!
//! The last lines are for scripts: `figure growth_PLACE_WHAT_MOST_vs_LEAST METRIC NUMBER`, the cost in the largest stage over
//! that in the smallest, from medians; the metric is `cpu` or `time`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "../support/broker.rs"]
mod broker;
mod endpoint;
mod measure;
mod place;
#[path = "../support/process.rs"]
mod process;
mod setting;
mod stage;

use std::process::ExitCode;

use tokio::runtime::Builder;

use self::measure::Effort;
use self::place::Place;

fn main() -> ExitCode {
    let (mut effort, mut memory_only) = (Effort::FULL, false);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            // Said by cargo.
            "--bench" => {}
            "--memory" => memory_only = true,
            "--quick" => (effort, memory_only) = (Effort::QUICK, true),
            _ => {
                eprintln!("usage: growth [--memory | --quick]");
                return ExitCode::from(2);
            }
        }
    }
    let in_memory = || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(setting::measure_all(&Place::Memory, effort));
    };
    if memory_only {
        in_memory();
        return ExitCode::SUCCESS;
    }
    broker::with_broker(|url| {
        in_memory();
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(setting::measure_all(&Place::RabbitMq(url.to_owned()), effort));
        // A thousand servers are not taken leave of one by one.
        runtime.shutdown_background();
        ExitCode::SUCCESS
    })
}
