//! What a server answered, read into the caller's types.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::codec::{self, compression};
use crate::error::{CallError, Code, Error, Executed, Phase};
use crate::message::{Failure, Outcome, Reply};
use crate::payload::Payload;
use crate::value::Value;

/// A service's own error, for a caller that does not know its type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceFailure {
    /// The name of its type at the server. A label for people, never code.
    pub error_type: Option<String>,
    /// What it says.
    pub message: String,
    /// Its data.
    pub data: Value,
    /// Whether the server says that a retry can help.
    pub retryable: bool,
    /// The server that answered.
    pub server: Option<String>,
}

impl fmt::Display for ServiceFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ServiceFailure {}

/// Reads a reply whose result and error have known types.
pub(crate) fn typed<T: DeserializeOwned, E: DeserializeOwned>(
    reply: Reply,
    limit: usize,
) -> Result<T, CallError<E>> {
    read(reply, limit, |failure, data, _| {
        // The caller does not know this error. Its name and its text are kept.
        codec::decode(&data).map_err(|_| Failure { code: Code::RemoteError, ..failure })
    })
}

/// Reads a reply of any shape.
pub(crate) fn untyped(reply: Reply, limit: usize) -> Result<Value, CallError<ServiceFailure>> {
    read(reply, limit, |failure, data, server| {
        Ok(ServiceFailure {
            data: codec::decode(&data).unwrap_or_default(),
            error_type: failure.error_type.map(String::from),
            message: failure.message,
            retryable: failure.retryable,
            server: server.map(str::to_owned),
        })
    })
}

fn read<T: DeserializeOwned, E>(
    reply: Reply,
    limit: usize,
    own_error: impl FnOnce(Failure, Payload, Option<&str>) -> Result<E, Failure>,
) -> Result<T, CallError<E>> {
    let server = reply.server;
    let failure = match reply.outcome {
        Outcome::Success(payload) => {
            return result(payload, limit).map_err(|error| {
                error
                    .with_executed(Executed::Executed)
                    .with_server(server.as_deref().map(str::to_owned))
                    .into()
            });
        }
        Outcome::Failure(failure) => failure,
    };
    let failure = match (failure.code, compression::inflate(failure.data.clone(), limit)) {
        (Code::ServiceError, Ok(data)) => match own_error(failure, data, server.as_deref()) {
            Ok(error) => return Err(CallError::Service(error)),
            Err(failure) => failure,
        },
        (Code::ServiceError, Err(_)) => Failure { code: Code::RemoteError, ..failure },
        _ => failure,
    };
    Err(remote(failure, server.as_deref()).into())
}

fn result<T: DeserializeOwned>(payload: Payload, limit: usize) -> Result<T, Error> {
    codec::decode(&compression::inflate(payload, limit)?).map_err(|error| {
        let message = format!("the result does not fit the caller's type: {error}");
        Error::new(Code::Malformed, message).with_phase(Phase::Decode)
    })
}

fn remote(failure: Failure, server: Option<&str>) -> Error {
    // The server answered, so it was reached: publish and connect are its own words, not the caller's.
    let phase = if failure.executed == Executed::NotSent { Phase::Decode } else { Phase::Handler };
    Error::new(failure.code, failure.message)
        .with_executed(failure.executed)
        .with_phase(phase)
        .with_retryable(failure.retryable)
        .with_retry_after(failure.retry_after)
        .with_error_type(failure.error_type.map(String::from))
        .with_traceback(failure.traceback)
        .with_server(server.map(str::to_owned))
}
