//! Priorities of notifications.

use std::fmt;
use std::str::FromStr;

use crate::parse_name::{ParseNameError, parse_name};

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

impl Priority {
    /// All of them, in order of declaration.
    pub const ALL: &'static [Self] =
        &[Self::Audit, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical, Self::Sample];

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
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_name(text, "priority", Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for &priority in Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(priority));
        }
        assert!("INFO".parse::<Priority>().is_err());
    }
}
