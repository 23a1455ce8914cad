//! What happened: one word, the same on every transport and wire.

use std::fmt;
use std::str::FromStr;

use super::{Executed, Phase};
use crate::parse_name::{ParseNameError, parse_name};

/// What happened.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Code {
    /// The deadline passed first. The method may be running still, unless [`Executed::NotSent`] says
    /// otherwise.
    DeadlineExceeded,
    /// Nobody serves the target: the broker has no queue for it. Did not run. Look at the spelling of topic
    /// and server, and whether a server was ever started.
    Unroutable,
    /// The server has no such method in this namespace and version. Did not run.
    NoSuchMethod,
    /// No interface of the server has this namespace in a version that fits. Did not run.
    UnsupportedVersion,
    /// The arguments do not decode into those of the method: one is missing, unknown, or of another type.
    /// Did not run.
    InvalidArguments,
    /// The server's access policy, or the broker, refused. Did not run.
    PermissionDenied,
    /// A bound was reached: pending calls, a full queue, a shedding server. Did not run; try again later.
    Overloaded,
    /// The broker is out of reach, or the server is stopping.
    Unavailable,
    /// Given up on purpose before it ended.
    Cancelled,
    /// The way back was lost: the reply can no longer arrive. The method may have run.
    ReplyLost,
    /// No sign of life came for as long as the call monitor waits, though there is time left until the deadline. The
    /// method may have run, may be running, or may wait for a server still. Look whether the servers run and are not
    /// overloaded.
    Unresponsive,
    /// The message is larger than the limit (4 MiB unless configured). For a reply the method has run.
    TooLarge,
    /// The message could not be understood at all: content type, encoding, nesting, headers.
    Malformed,
    /// The message was delivered more often than the server's or listener's limit allows: each time its process
    /// ended, or gave it back. May have run. Look at what the process said before it ended.
    TooManyAttempts,
    /// The handler panicked. It ran, how far is unknown; details are in the server's log only.
    Panicked,
    /// The service answered with an error of its own.
    ServiceError,
    /// The service answered with an error that the caller's type cannot hold; its type name and text are kept.
    RemoteError,
}

impl Code {
    /// All of them, in order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::DeadlineExceeded,
        Self::Unroutable,
        Self::NoSuchMethod,
        Self::UnsupportedVersion,
        Self::InvalidArguments,
        Self::PermissionDenied,
        Self::Overloaded,
        Self::Unavailable,
        Self::Cancelled,
        Self::ReplyLost,
        Self::Unresponsive,
        Self::TooLarge,
        Self::Malformed,
        Self::TooManyAttempts,
        Self::Panicked,
        Self::ServiceError,
        Self::RemoteError,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Unroutable => "unroutable",
            Self::NoSuchMethod => "no_such_method",
            Self::UnsupportedVersion => "unsupported_version",
            Self::InvalidArguments => "invalid_arguments",
            Self::PermissionDenied => "permission_denied",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::ReplyLost => "reply_lost",
            Self::Unresponsive => "unresponsive",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Panicked => "panicked",
            Self::ServiceError => "service_error",
            Self::RemoteError => "remote_error",
        }
    }

    /// Whether the method may have run, when nothing more exact is known.
    #[must_use]
    pub const fn executed(self) -> Executed {
        match self {
            Self::Unroutable
            | Self::NoSuchMethod
            | Self::UnsupportedVersion
            | Self::InvalidArguments
            | Self::PermissionDenied
            | Self::Overloaded
            | Self::TooLarge
            | Self::Malformed => Executed::NotSent,
            Self::DeadlineExceeded
            | Self::Unavailable
            | Self::Cancelled
            | Self::ReplyLost
            | Self::Unresponsive
            | Self::TooManyAttempts => Executed::Unknown,
            Self::Panicked | Self::ServiceError | Self::RemoteError => Executed::Executed,
        }
    }

    /// Whether the same request can succeed later, when nothing more exact is known.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::DeadlineExceeded
                | Self::Unroutable
                | Self::Overloaded
                | Self::Unavailable
                | Self::ReplyLost
                | Self::Unresponsive
        )
    }

    /// Where work that ends with this code usually stops.
    #[must_use]
    pub const fn phase(self) -> Phase {
        match self {
            Self::Unroutable | Self::Overloaded | Self::TooLarge => Phase::Publish,
            Self::Unavailable => Phase::Connect,
            Self::DeadlineExceeded | Self::Cancelled | Self::ReplyLost | Self::Unresponsive => Phase::Wait,
            Self::NoSuchMethod
            | Self::UnsupportedVersion
            | Self::InvalidArguments
            | Self::PermissionDenied
            | Self::Malformed => Phase::Decode,
            Self::TooManyAttempts | Self::Panicked | Self::ServiceError | Self::RemoteError => Phase::Handler,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_name(text, "code", Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for &code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
