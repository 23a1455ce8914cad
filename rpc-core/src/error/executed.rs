//! Whether a method may have run.

use std::fmt;
use std::str::FromStr;

use crate::parse_name::{ParseNameError, parse_name};

/// Whether the method may have run. The question that decides if a retry is safe.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the answers to may-it-have-run are no, perhaps and yes")]
pub enum Executed {
    /// It did not run and will not run: it was never sent, or was refused before its handler started.
    NotSent,
    /// It may have run, may be running, or may still run before its deadline.
    Unknown,
    /// It ran.
    Executed,
}

impl Executed {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::Executed => "executed",
        }
    }
}

impl fmt::Display for Executed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Executed {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_name(text, "word on execution", &[Self::NotSent, Self::Unknown, Self::Executed], Self::as_str)
    }
}
