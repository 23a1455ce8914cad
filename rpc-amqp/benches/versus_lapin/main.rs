//! This transport beside what a user would write by hand over lapin, on the same broker and in the same minutes.
//!
//! ```text
//! cargo bench -p rpc-amqp --bench versus_lapin                 # five rounds of two seconds each
//! cargo bench -p rpc-amqp --bench versus_lapin -- --quick      # within three minutes
//! cargo bench -p rpc-amqp --bench versus_lapin -- call64       # only workloads whose name begins so
//! ```
//!
//! There are three sides: ours; `bare`, a hand-written loop with a reply queue, correlation ids and an acknowledgement per
//! message; and `equal`, the same loop with what ours does besides: confirms, mandatory, message ids, deadlines and
//! expiration, on requests and replies. Each side is a client process and a server process with the same runtime. The sides
//! take turns within a round, another one first each time, so that noise of the machine meets all of them.
//!
//! The last lines are for scripts: `ratio WORKLOAD METRIC NUMBER`, ours over theirs, from the medians over all rounds.
//! The metric is `throughput`, `latency_p50`, `latency_p99`, or `cpu`: the CPU time of client and server per operation.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "../support/broker.rs"]
mod broker;
mod child;
mod command;
mod director;
mod hand;
mod load;
mod options;
mod ours;
#[path = "../support/process.rs"]
mod process;
mod report;
mod requester;
mod role;
mod series;
mod workload;

use std::process::ExitCode;

use self::options::Options;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, side, url] = &words[..]
        && let Some(role) = role::Role::named(role)
    {
        return role::run(role, side.parse().expect("the director names a side"), url);
    }
    match Options::parse(&words) {
        Ok(options) => broker::with_broker(|url| director::run(&options, url)),
        Err(text) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}
