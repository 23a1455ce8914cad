//! How many instructions the hot path takes, counted by callgrind: the same on a busy machine and on an idle one.
//!
//! ```text
//! cargo bench -p rpc-amqp --features benching --bench instructions               # compares with the baseline
//! cargo bench -p rpc-amqp --features benching --bench instructions -- --record   # writes a new one
//! ```
//!
//! Fails when an operation takes more than 5 % above the file `baseline` beside this one. A change that is meant to cost
//! something, and a new compiler, come with a new baseline. Needs `valgrind`, which `tests/install valgrind` installs.
//!
//! Each operation is done so many times, and then more often, by this program under callgrind; the difference is what the
//! operation takes, without the start of the process.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

mod baseline;
mod callgrind;
#[path = "../support/hot_path.rs"]
mod hot_path;
mod operation;

use std::process::ExitCode;

use self::baseline::Baseline;
use self::operation::OPERATIONS;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => compare(),
        ["--record"] => record(),
        ["run", name, count] => {
            operation::run(name, count.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: instructions [--record]");
            ExitCode::from(2)
        }
    }
}

fn measure() -> impl Iterator<Item = (&'static str, u64)> {
    OPERATIONS.iter().map(|&(name, _)| (name, callgrind::instructions(name)))
}

fn record() -> ExitCode {
    Baseline::write(measure().inspect(|(name, count)| println!("{name:<24} {count:>10}")));
    ExitCode::SUCCESS
}

fn compare() -> ExitCode {
    let baseline = Baseline::read();
    let mut is_worse = false;
    println!("{:<24} {:>10} {:>10} {:>8}", "operation", "now", "baseline", "change");
    for (name, now) in measure() {
        let Some(before) = baseline.get(name) else {
            println!("{name:<24} {now:>10}          -        - not in the baseline: -- --record writes it");
            is_worse = true;
            continue;
        };
        let change = now as f64 / before as f64 - 1.0;
        let remark = match change {
            change if change > Baseline::TOLERANCE => "more than allowed",
            change if change < -Baseline::TOLERANCE => "better: -- --record keeps it so",
            _ => "",
        };
        is_worse |= change > Baseline::TOLERANCE;
        println!("{name:<24} {now:>10} {before:>10} {:>+7.1}% {remark}", 100.0 * change);
    }
    if is_worse { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
