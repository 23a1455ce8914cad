//! What was found, with what to do.

use std::fmt::Display;

use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Table};

/// What was found, with what to do.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Debug, Serialize)]
struct Finding {
    state: State,
    check: String,
    found: String,
    advice: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Fair,
    Bad,
}

impl Findings {
    /// All is as it should be.
    pub(super) fn good(&mut self, check: &str, found: String) {
        self.add(State::Good, check, found, None);
    }

    /// It works, and could be better.
    pub(super) fn fair(&mut self, check: &str, found: impl Display, advice: &str) {
        self.add(State::Fair, check, found.to_string(), Some(advice));
    }

    /// It does not work.
    pub(super) fn bad(&mut self, check: &str, found: impl Display, advice: &str) {
        self.add(State::Bad, check, found.to_string(), Some(advice));
    }

    fn add(&mut self, state: State, check: &str, found: String, advice: Option<&str>) {
        self.0.push(Finding { state, check: check.to_owned(), found, advice: advice.map(str::to_owned) });
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bad_ones(&self) -> usize {
        self.0.iter().filter(|finding| finding.state == State::Bad).count()
    }

    pub(super) fn show(&self, output: Output) -> Result<(), Failure> {
        output.show(&self.0, |findings| {
            let mut table = Table::new(["", "CHECK", "FOUND", "WHAT TO DO"]);
            for Finding { state, check, found, advice } in findings {
                let state = match state {
                    State::Good => "ok",
                    State::Fair => "??",
                    State::Bad => "!!",
                };
                table.row([
                    state.to_owned(),
                    check.clone(),
                    found.clone(),
                    advice.clone().unwrap_or_default(),
                ]);
            }
            table.render()
        })
    }
}
