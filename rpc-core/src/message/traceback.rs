//! Where something happened at a server in another language.

use std::fmt;

use crate::readable::readable;

/// Where something happened at a server in another language, as that prints it: lines for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Traceback(String);

impl Traceback {
    /// Longest text, in bytes.
    pub const LONGEST: usize = 32 * 1_024;

    /// These lines, cut to [`LONGEST`](Self::LONGEST), without control characters.
    #[must_use]
    pub fn new(lines: impl Into<String>) -> Self {
        Self(readable(lines.into(), Self::LONGEST))
    }

    /// The lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Traceback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
