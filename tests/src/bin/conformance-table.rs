//! Writes `docs/conformance.md`: which test shows which behaviour of oslo.messaging, and whether it passes.
//!
//! ```text
//! cargo run -p tests --bin conformance-table                  runs the tests of all rows first
//! cargo run -p tests --bin conformance-table -- --log FILE    takes the results from what `cargo test` wrote
//! ```
//!
//! Ends with 1 when a row has neither a test nor a reason, or a test did not pass.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use ::tests::conformance_table::{FILE, Results, Table, repository};
use clap::Parser;

#[derive(Parser)]
struct Options {
    /// What `cargo test` wrote, both of its outputs together; without it the tests are run.
    #[arg(long)]
    log: Option<PathBuf>,
}

fn main() -> ExitCode {
    let table = Table::read();
    let log = match Options::parse().log {
        Some(path) => std::fs::read_to_string(path).expect("the log can be read"),
        None => run(&table),
    };
    let text = table.with(&Results::read(&log));
    std::fs::write(repository().join(FILE), &text).expect(FILE);
    let mut problems = table.problems();
    problems.extend(Table::not_ok(&text).into_iter().map(|id| format!("{id} is not ok: see {FILE}")));
    for problem in &problems {
        eprintln!("conformance-table: {problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the tests of the table, and shows and returns what they say.
fn run(table: &Table) -> String {
    let tests = table.tests().iter();
    let packages: BTreeSet<_> = tests.clone().filter_map(|test| test.file.split('/').next()).collect();
    let outside = tests.clone().filter(|test| test.file.split('/').nth(1) == Some("tests"));
    let binaries: BTreeSet<_> = outside.map(|test| test.binary.as_str()).collect();
    let names: BTreeSet<_> = tests.map(|test| test.path.as_str()).collect();
    let mut child = Command::new("sh")
        // Which binary a line is from stands in the other output.
        .args([
            "-c",
            "exec \"$@\" 2>&1",
            "sh",
            "cargo",
            "test",
            "--locked",
            "--all-features",
            "--no-fail-fast",
            "--lib",
        ])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(binaries.iter().flat_map(|binary| ["--test", binary]))
        .args(["--", "--exact"])
        .args(names)
        .current_dir(repository())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut log = String::new();
    for line in output.lines() {
        let line = String::from_utf8_lossy(line.as_deref().unwrap_or_default().as_bytes()).into_owned();
        println!("{line}");
        log.push_str(&line);
        log.push('\n');
    }
    // Whether tests failed is in what they said.
    let _ = child.wait();
    log
}
