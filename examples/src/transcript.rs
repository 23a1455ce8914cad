//! Prints what happens, and counts what should have happened otherwise.

use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

/// Prints steps as they happen, and remembers whether each had the outcome that it should have.
#[derive(Debug)]
pub struct Transcript {
    started: Instant,
    wrong: usize,
}

impl Transcript {
    /// Starts one under a title.
    #[must_use]
    pub fn new(title: &str) -> Self {
        println!("{title}\n{}", "=".repeat(title.chars().count()));
        Self { started: Instant::now(), wrong: 0 }
    }

    /// Begins a part.
    pub fn part(&mut self, title: &str) {
        println!("\n{title}");
        self.started = Instant::now();
    }

    /// Prints a step and its outcome, and checks that it is the expected one.
    pub fn step(&mut self, step: &str, outcome: impl fmt::Display, expected: &str) {
        let (outcome, took) = (outcome.to_string(), self.started.elapsed().as_secs_f64() * 1_000.0);
        if outcome == expected {
            println!("  ok     {step:<38} {outcome:<44} {took:>7.1} ms");
        } else {
            println!("  WRONG  {step:<38} {outcome:<44} {took:>7.1} ms   expected: {expected}");
            self.wrong += 1;
        }
        self.started = Instant::now();
    }

    /// Prints the end; a failure when a step went wrong.
    #[must_use]
    pub fn end(self) -> ExitCode {
        if self.wrong == 0 {
            println!("\nEverything went as promised.");
            ExitCode::SUCCESS
        } else {
            println!("\n{} steps went wrong.", self.wrong);
            ExitCode::FAILURE
        }
    }
}
