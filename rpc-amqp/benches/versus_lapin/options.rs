//! What to measure, and for how long.

use std::time::Duration;

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How often each side has its turn.
    pub(crate) rounds: usize,
    /// How long a turn is.
    pub(crate) turn: Duration,
    /// The beginnings of the names of wanted workloads; none means all.
    only: Vec<String>,
}

const USAGE: &str = "usage: versus_lapin [--quick] [--rounds NUMBER] [--turn SECONDS] [WORKLOAD]...";

impl Options {
    const FULL: Self = Self { rounds: 5, turn: Duration::from_secs(2), only: Vec::new() };
    const QUICK_TURN: Duration = Duration::from_millis(400);

    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut options = Self::FULL;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                // Said by cargo.
                "--bench" => {}
                "--quick" => options.turn = Self::QUICK_TURN,
                "--rounds" => {
                    let rounds = words.next().and_then(|number| number.parse().ok());
                    options.rounds = rounds.filter(|&rounds| rounds > 0).ok_or(USAGE)?;
                }
                "--turn" => {
                    let seconds = words.next().and_then(|number| number.parse().ok());
                    let turn = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    options.turn = turn.filter(|turn| !turn.is_zero()).ok_or(USAGE)?;
                }
                flag if flag.starts_with('-') => return Err(USAGE.to_owned()),
                workload => options.only.push(workload.to_owned()),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|beginning| workload.starts_with(beginning.as_str()))
    }
}
