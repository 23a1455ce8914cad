//! What a person reads in the end.

use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

use tests::checker::Kind;

use crate::options::Options;
use crate::outcome::Outcome;
use crate::rows::elsewhere::ROWS;

/// Prints the table and the line that test runners add up; writes the table to a file if asked to.
pub(crate) fn report(outcomes: &[Outcome], options: &Options, took: Duration) -> ExitCode {
    let rows = rows(outcomes);
    println!("\n{rows}");
    for row in ROWS.iter().filter(|row| !row.exists()) {
        println!("{}: there is no test {}", row.id, row.place());
    }
    let missing = ROWS.iter().filter(|row| !row.exists()).count();
    let failed = missing + outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
    if failed > 0 {
        println!("\nfailures, with seed {}:", options.seed);
    }
    for outcome in outcomes.iter().filter(|outcome| !outcome.problems.is_empty()) {
        println!("    {} {}", outcome.row.id, outcome.row.title);
        for problem in outcome.problems.iter().take(20) {
            println!("        {problem}");
        }
        let long = if options.long { " --long" } else { "" };
        println!(
            "    again: cargo test -p tests --test faults -- {} --seed {}{long}",
            outcome.row.id, options.seed
        );
    }
    if let Some(path) = &options.table {
        let text = format!("{}\n{rows}{}{}", heading(options), notes(outcomes), elsewhere());
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let (word, passed) = (if failed == 0 { "ok" } else { "FAILED" }, outcomes.len() + missing - failed);
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; \
         finished in {:.2}s",
        took.as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| row | title | faults injected | calls | casts | notifications | lost | duplicated | hung | time to heal | \
         result |\n|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for outcome in outcomes {
        let id = outcome.row.id;
        let sent = |kind| outcome.verdict.tally(kind).sent;
        let heal = outcome.heal.map_or_else(|| "–".to_owned(), |heal| format!("{:.2} s", heal.as_secs_f64()));
        writeln!(
            text,
            "| <a id=\"{}\"></a>{id} | {} | {} | {} | {} | {} | {} | {} | {} | {heal} | {} |",
            // For links from other pages.
            id.to_lowercase(),
            outcome.row.title,
            outcome.faults.join("; "),
            sent(Kind::Call) + sent(Kind::Idempotent),
            sent(Kind::Cast) + sent(Kind::Fanout),
            sent(Kind::Notification),
            outcome.verdict.total(|tally| tally.lost),
            outcome.verdict.total(|tally| tally.duplicated),
            outcome.verdict.total(|tally| tally.hung),
            if outcome.problems.is_empty() { "ok" } else { "**failed**" },
        )
        .unwrap();
    }
    text
}

/// What has to be known about rows that passed.
fn notes(outcomes: &[Outcome]) -> String {
    let notes =
        outcomes.iter().flat_map(|outcome| outcome.notes.iter().map(move |note| (outcome.row.id, note)));
    notes.fold(String::from("\n"), |text, (id, note)| {
        let name = format!("{id}: ");
        format!("{text}- {name}{}\n", note.strip_prefix(&name).unwrap_or(note))
    })
}

/// Rows that other tests prove.
fn elsewhere() -> String {
    let mut text = String::from(
        "\n<a id=\"elsewhere\"></a>Not run here. Other tests of this repository show what the title says, which may be a part of the row:\n\n| row | title | test |\n|---|---|---|\n",
    );
    for row in ROWS {
        writeln!(text, "| {} | {} | {} |", row.id, row.title, row.place()).unwrap();
    }
    text
}

/// When, with what, and how to get it again.
fn heading(options: &Options) -> String {
    let (rust, day) = (said("rustc", &["--version"]), said("date", &["+%Y-%m-%d"]));
    let (broker, erlang, lapin) = (tests::broker::version(), erlang(), lapin());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let Options { command, seed, .. } = options;
    format!(
        "# The fault suite\n\nWritten by `cargo test -p tests --test faults -- {command}` on {day}: RabbitMQ {broker}, \
         Erlang {erlang}, lapin {lapin}, {rust}, {build} build, {cores} cores, soak of {} s with seed {seed}.\n\n\
         Requests are counted by the checker from what the programs wrote down. *Lost*: confirmed, and neither run nor kept \
         in a queue. *Duplicated*: run more than once, which only redeliveries may. *Hung*: never resolved, or later than \
         250 ms after the deadline.\n",
        options.soak.as_secs(),
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn erlang() -> String {
    let version = "Release = erlang:system_info(otp_release),
        File = filename:join([code:root_dir(), \"releases\", Release, \"OTP_VERSION\"]),
        {ok, Version} = file:read_file(File), io:put_chars(Version), halt().";
    said("erl", &["-noshell", "-eval", version])
}

/// The version that was built.
fn lapin() -> String {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let after = text.split_once("name = \"lapin\"\nversion = \"").map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}
