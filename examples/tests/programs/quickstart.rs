//! The programs that show what happens by themselves.

use std::process::Command;

use tests::broker::Broker;

#[test]
fn the_transcript_is_the_same_over_memory_and_rabbitmq() {
    assert_same_over_memory_and_rabbitmq(env!("CARGO_BIN_EXE_quickstart"));
}

#[test]
fn long_calls_are_the_same_over_memory_and_rabbitmq() {
    assert_same_over_memory_and_rabbitmq(env!("CARGO_BIN_EXE_long-call"));
}

fn assert_same_over_memory_and_rabbitmq(program: &str) {
    let transcripts = ["memory://".to_owned(), Broker::shared().url()].map(|url| {
        let output =
            Command::new(program).args(["--transport-url", &url]).output().expect("the program runs");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        without_timings(&text)
    });
    assert_eq!(transcripts[0], transcripts[1]);
    assert!(transcripts[0].contains("Everything went as promised."));
}

fn without_timings(text: &str) -> String {
    let lines = text.lines().map(|line| {
        line.strip_suffix(" ms")
            .map_or(line, |line| line.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.'))
    });
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}
