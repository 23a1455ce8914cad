//! What came of a row.

use std::time::Duration;

use tests::checker::Verdict;

use crate::rows::Row;

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) row: Row,
    /// What was done, in words.
    pub(crate) faults: Vec<String>,
    pub(crate) verdict: Verdict,
    pub(crate) heal: Option<Duration>,
    /// What must not be; none when the row passed.
    pub(crate) problems: Vec<String>,
    /// What a person should know of a row that passed.
    pub(crate) notes: Vec<String>,
    /// The longest time that the machine itself stood still meanwhile.
    pub(crate) stall: Option<Duration>,
    pub(crate) took: Duration,
}
