//! The fault suite: what users fear, done on purpose, and judged by what processes wrote down.
//!
//! ```text
//! cargo test -p tests --test faults                                   every row, short form
//! cargo test -p tests --test faults -- B1 B3                          these rows
//! cargo test -p tests --test faults -- --quick                        rows of a few seconds
//! cargo test -p tests --test faults -- --again                        a row that fails is run once more, alone
//! cargo test -p tests --test faults -- --list                         which rows there are
//! cargo test -p tests --test faults -- --long                         as far as the matrix asks, an hour or more
//! cargo test -p tests --test faults -- --table docs/faults.md         writes the table, too
//! cargo test -p tests --test faults -- J1 --minutes 480 --seed 7      the soak, as long as wanted
//! ```
//!
//! A row starts `chaos-server` and `chaos-client` as processes of their own, lets a fault happen, lifts it, and
//! then everything that was asked for is judged by the checker of this crate. Rows run in a few lanes beside each
//! other. Each lane has a broker of its own; within a lane one row follows the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod lane;
mod options;
mod outcome;
mod rows;
mod runner;
mod scenario;
mod settle;
mod stage;
mod stalls;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let options = options::Options::read();
    let rows: Vec<_> = rows::all().into_iter().filter(|row| options.wants(row)).collect();
    if options.list {
        for row in &rows {
            println!("{} {}: test", row.id, row.title);
        }
        return ExitCode::SUCCESS;
    }
    let started = std::time::Instant::now();
    let outcomes = runner::run(rows, &options);
    table::report(&outcomes, &options, started.elapsed())
}
