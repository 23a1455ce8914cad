//! What the checker found.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What was asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(clippy::exhaustive_enums, reason = "the operations that there are")]
pub enum Kind {
    /// A call that runs at most once, unless the broker delivers it again.
    Call,
    /// A call that may run again.
    Idempotent,
    /// A cast.
    Cast,
    /// A cast to every server.
    Fanout,
    /// A notification.
    Notification,
}

/// How requests of one kind ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Invoked.
    pub sent: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended without having run.
    pub not_sent: u64,
    /// Ended in doubt.
    pub unknown: u64,
    /// Confirmed, and neither run nor kept.
    pub lost: u64,
    /// Run more than once.
    pub duplicated: u64,
    /// Never resolved, or too late.
    pub hung: u64,
}

/// A promise that was broken, for one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The invariant: `I1` to `I5`.
    pub invariant: &'static str,
    /// The request.
    pub id: String,
    /// What happened.
    pub what: String,
}

/// What the checker found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// By kind.
    pub tallies: BTreeMap<Kind, Tally>,
    /// Every broken promise.
    pub violations: Vec<Violation>,
    /// The longest time by which a request was resolved after its deadline, within or beyond the grace.
    pub latest: Duration,
}

impl Verdict {
    /// How requests of `kind` ended.
    #[must_use]
    pub fn tally(&self, kind: Kind) -> Tally {
        self.tallies.get(&kind).copied().unwrap_or_default()
    }

    /// Over all kinds.
    #[must_use]
    pub fn total(&self, count: fn(&Tally) -> u64) -> u64 {
        self.tallies.values().map(count).sum()
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Call, Self::Idempotent, Self::Cast, Self::Fanout, Self::Notification];

    /// The word in ledgers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Idempotent => "idempotent",
            Self::Cast => "cast",
            Self::Fanout => "fanout",
            Self::Notification => "notification",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("{text:?} is no kind"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} {}", self.invariant, self.id, self.what)
    }
}
