//! What became of dead letters.

use super::DeadLetter;
use crate::error::Error;

/// What became of dead letters.
#[derive(Debug)]
#[non_exhaustive]
pub struct Treated {
    /// Those that were inspected, replayed or discarded, oldest first.
    pub letters: Vec<DeadLetter>,
    /// Those that were to be replayed and stay, each with the reason: its queue is gone or full, for example.
    pub left: Vec<(DeadLetter, Error)>,
    /// How many were looked at, those that do not pass the filter included.
    pub looked_at: usize,
    /// Whether all letters were looked at that were there at the beginning.
    pub is_complete: bool,
    /// What ended it early, when the broker did. What was replayed or discarded last may then be there still.
    pub stopped_by: Option<Error>,
}

impl Treated {
    /// Nothing, of nothing. For transports.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { letters: Vec::new(), left: Vec::new(), looked_at: 0, is_complete: true, stopped_by: None }
    }

    /// How many passed the filter. For transports.
    #[must_use]
    pub const fn matched(&self) -> usize {
        self.letters.len() + self.left.len()
    }
}
