//! Versions of an interface and the rule by which they fit.

use std::fmt;
use std::str::FromStr;

/// The version of an interface: `major.minor`.
///
/// A server of version `M.n` serves every request for `M.m` with `m <= n`: a minor version adds, a major one
/// breaks. The rule is oslo.messaging's.
///
/// ```
/// use rpc_core::Version;
///
/// let served: Version = "1.5".parse()?;
/// assert!(served.serves(Version::new(1, 2)));
/// assert!(!served.serves(Version::new(1, 6)));
/// assert!(!served.serves(Version::new(2, 0)));
/// # Ok::<(), rpc_core::ParseVersionError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version {
    major: u32,
    minor: u32,
}

/// A text that is no version: not `major.minor`, or a number above 4,294,967,295.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a version: write two numbers with a dot between, such as \"1.0\"")]
pub struct ParseVersionError {
    text: String,
}

impl Version {
    /// The version of an interface that declares none: `1.0`.
    pub const DEFAULT: Self = Self::new(1, 0);

    /// `major.minor`.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The number that changes when callers break.
    #[must_use]
    pub const fn major(self) -> u32 {
        self.major
    }

    /// The number that grows when something is added.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.minor
    }

    /// Whether a server of this version serves a request for `wanted`.
    #[must_use]
    pub const fn serves(self, wanted: Self) -> bool {
        self.major == wanted.major && self.minor >= wanted.minor
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Accepts exactly two decimal numbers with a dot between: no sign, no blank, no third part.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| ParseVersionError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rc_23_texts_that_are_no_version() {
        for text in
            ["", "1", "1.", ".1", "1.2.3", "+1.0", "1.-2", " 1.0", "1.0 ", "a.b", "1,0", "4294967296.0"]
        {
            assert!(text.parse::<Version>().is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(major: u32, minor: u32) {
            let version = Version::new(major, minor);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn serving_is_a_partial_order(a in version(), b in version(), c in version()) {
            prop_assert!(a.serves(a));
            prop_assert!(!(a.serves(b) && b.serves(a)) || a == b);
            prop_assert!(!(a.serves(b) && b.serves(c)) || a.serves(c));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Version>();
        }
    }

    fn version() -> impl Strategy<Value = Version> {
        (0_u32..3, 0_u32..4).prop_map(|(major, minor)| Version::new(major, minor))
    }
}
