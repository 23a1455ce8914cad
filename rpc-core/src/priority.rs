//! Priorities of notifications.

use std::fmt;
use std::str::FromStr;

/// How urgent a notification is. The names are oslo.messaging's.
///
/// A listener subscribes to priorities one by one, so a collector of errors is not slowed by samples.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Priority {
    /// For the audit trail.
    Audit,
    /// For developers.
    Debug,
    /// What happened; the default.
    #[default]
    Info,
    /// Something is off, and work went on.
    Warn,
    /// Something failed.
    Error,
    /// Somebody has to act now.
    Critical,
    /// A measured value.
    Sample,
}

/// A text that names no priority.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a priority: use audit, debug, info, warn, error, critical or sample")]
pub struct ParsePriorityError {
    text: String,
}

impl Priority {
    /// All of them, in order of declaration.
    pub const ALL: [Self; 7] =
        [Self::Audit, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical, Self::Sample];

    /// The name on the wire: lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Sample => "sample",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text)
            .ok_or_else(|| ParsePriorityError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(priority));
        }
        assert!("INFO".parse::<Priority>().is_err());
    }
}
