//! What a typed call can end with besides its result.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Code, Error, Executed};

/// Why a typed call did not bring its result: the service's own error, or ours.
///
/// ```
/// # use rpc_core::{CallError, Code, Error};
/// # #[derive(Debug)] enum PowerError { Locked(u32) }
/// fn explain(outcome: Result<(), CallError<PowerError>>) -> String {
///     match outcome {
///         Ok(()) => "done".to_owned(),
///         Err(CallError::Service(PowerError::Locked(node))) => format!("node {node} is locked"),
///         Err(CallError::Rpc(error)) if error.is_timeout() => "try again later".to_owned(),
///         Err(CallError::Rpc(error)) => error.to_string(),
///     }
/// }
/// assert_eq!(explain(Err(CallError::Service(PowerError::Locked(7)))), "node 7 is locked");
/// assert_eq!(explain(Err(Error::new(Code::DeadlineExceeded, "too late").into())), "try again later");
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an error is the service's or ours")]
pub enum CallError<E = NoError> {
    /// The method ran and answered with its own error.
    Service(E),
    /// Anything else.
    Rpc(Error),
}

impl<E> CallError<E> {
    /// Our error, if it is one.
    #[must_use]
    pub const fn rpc(&self) -> Option<&Error> {
        match self {
            Self::Rpc(error) => Some(error),
            Self::Service(_) => None,
        }
    }

    /// The service's error, if it is one.
    #[must_use]
    pub const fn service(&self) -> Option<&E> {
        match self {
            Self::Service(error) => Some(error),
            Self::Rpc(_) => None,
        }
    }

    /// Whether the method may have run; it has for the service's own error.
    #[must_use]
    pub fn executed(&self) -> Executed {
        self.rpc().map_or(Executed::Executed, Error::executed)
    }

    /// Whether the same request can succeed later, as far as is known; `false` for the service's own error.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.rpc().is_some_and(Error::is_retryable)
    }

    /// Whether the deadline passed. Not so for [`Code::Unresponsive`]: there time is left.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.rpc().is_some_and(Error::is_timeout)
    }

    /// What happened; [`Code::ServiceError`] for the service's own error.
    #[must_use]
    pub fn code(&self) -> Code {
        self.rpc().map_or(Code::ServiceError, Error::code)
    }
}

impl<E> From<Error> for CallError<E> {
    fn from(error: Error) -> Self {
        Self::Rpc(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rpc(error) => error,
            CallError::Service(never) => match never {},
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) => error.fmt(formatter),
            Self::Rpc(error) => error.fmt(formatter),
        }
    }
}

impl<E: StdError + 'static> StdError for CallError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Service(error) => error.source(),
            Self::Rpc(error) => error.source(),
        }
    }
}

/// The service error of a method that has none; no value of it exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "its point is that it has no variant")]
pub enum NoError {}

impl fmt::Display for NoError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl StdError for NoError {}

impl Serialize for NoError {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for NoError {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("this method declares no error of its own"))
    }
}
