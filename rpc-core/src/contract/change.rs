//! One difference, and whom it breaks.

use std::fmt;

use serde::Serialize;

/// Whom a change breaks.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Breaks {
    /// Callers that know the old interface, when a server has the new one.
    pub callers: bool,
    /// Servers that have the old interface, when a caller knows the new one.
    pub servers: bool,
}

/// One difference between two descriptions of an interface.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The method; `None` for the interface itself.
    pub method: Option<String>,
    /// The argument.
    pub argument: Option<String>,
    /// What is different.
    pub what: What,
    /// Whom it breaks.
    pub breaks: Breaks,
}

/// What is different.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// The namespace is another one.
    #[error("the namespace was {} and is {}", name(.old.as_deref()), name(.new.as_deref()))]
    Namespace {
        /// It was this; `None` is the one without a name.
        old: Option<String>,
        /// And is this.
        new: Option<String>,
    },
    /// The version is lower than before, or has a new major part.
    #[error("the version was {old} and is {new}")]
    Version {
        /// It was this.
        old: String,
        /// And is this.
        new: String,
    },
    /// The method is new.
    #[error("added, since {since}")]
    MethodAdded {
        /// The version that brought it.
        since: String,
    },
    /// The method is gone.
    #[error("removed")]
    MethodRemoved,
    /// The method is sent otherwise.
    #[error("was a {old} and is a {new}")]
    Kind {
        /// It was this: `call`, `cast` or `fanout`.
        old: String,
        /// And is this.
        new: String,
    },
    /// The argument is new.
    #[error("added, {}", if *.required { "and has to be given" } else { "with a default" })]
    ArgumentAdded {
        /// Whether it has to be given.
        required: bool,
    },
    /// The argument is gone.
    #[error("removed")]
    ArgumentRemoved,
    /// The argument had a default, and has to be given now.
    #[error("has to be given now")]
    ArgumentRequired,
    /// The argument had to be given, and has a default now.
    #[error("has a default now")]
    ArgumentOptional,
    /// The argument's values are others.
    #[error("the type was {old} and is {new}")]
    ArgumentType {
        /// It was this.
        old: String,
        /// And is this.
        new: String,
    },
    /// The values of the result are others.
    #[error("the result was {old} and is {new}")]
    Result {
        /// It was this.
        old: String,
        /// And is this.
        new: String,
    },
    /// The method's own error is another.
    #[error("the error was {} and is {}", name(.old.as_deref()), name(.new.as_deref()))]
    Error {
        /// It was this, if it had one.
        old: Option<String>,
        /// And is this.
        new: Option<String>,
    },
}

impl Breaks {
    /// Nobody.
    pub const NOBODY: Self = Self { callers: false, servers: false };
    /// Callers of the old interface.
    pub const CALLERS: Self = Self { callers: true, servers: false };
    /// Servers of the old interface.
    pub const SERVERS: Self = Self { callers: false, servers: true };
    /// Both.
    pub const BOTH: Self = Self { callers: true, servers: true };

    /// Whether it breaks anybody.
    #[must_use]
    pub const fn anybody(self) -> bool {
        self.callers || self.servers
    }

    /// Whom either of the two breaks.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { callers: self.callers || other.callers, servers: self.servers || other.servers }
    }

    /// Without what breaks servers, since they refuse by the version what they would misunderstand.
    pub(super) const fn unless_servers_refuse(self, refuse: bool) -> Self {
        Self { callers: self.callers, servers: self.servers && !refuse }
    }
}

/// `nobody`, `callers`, `servers`, or `callers and servers`.
impl fmt::Display for Breaks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.callers, self.servers) {
            (false, false) => "nobody",
            (true, false) => "callers",
            (false, true) => "servers",
            (true, true) => "callers and servers",
        })
    }
}

/// `change_power(node): the type was u32 and is String`.
impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.method, &self.argument) {
            (None, _) => write!(formatter, "{}", self.what),
            (Some(method), None) => write!(formatter, "{method}: {}", self.what),
            (Some(method), Some(argument)) => write!(formatter, "{method}({argument}): {}", self.what),
        }
    }
}

fn name(name: Option<&str>) -> &str {
    name.unwrap_or("none")
}
