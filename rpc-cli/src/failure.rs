//! Why a command did not do what it was told, and the exit code for that.

use std::process::ExitCode;

use rpc_amqp::UrlError;
use rpc_core::config::ConfigError;
use rpc_core::transport::TransportUrlError;
use rpc_core::{CallError, Code, Error, Executed, ServiceFailure};
use serde_json::json;

use crate::values::WrongArgument;

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument of the method is wrong. Nothing was sent.
    #[error("{0}")]
    Argument(#[from] WrongArgument),
    /// A configuration is wrong. Nothing was sent.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The command line asks for what cannot be. Nothing was sent.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Connect(#[source] Error),
    /// Nobody answered, or too few.
    #[error("{0}")]
    Nobody(String),
    /// A check found something wrong, which was printed.
    #[error("{0}")]
    Check(String),
    #[error("{0}")]
    Rpc(#[from] Error),
    /// The service answered with an error of its own.
    #[error("{}{_0}", error_type(.0))]
    Service(ServiceFailure),
    /// An interface breaks who has another version of it, and does not say so.
    #[error("{0}")]
    Contract(String),
    #[error("{0}")]
    System(#[from] std::io::Error),
}

impl Failure {
    /// As `rpc --help` lists them.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Check(_) | Self::Service(_) => 1,
            Self::Argument(_) | Self::Config(_) | Self::Usage(_) => 2,
            // Nobody was asked.
            Self::Connect(error) if is_wrong_url(error) => 2,
            Self::Connect(_) => 3,
            Self::Nobody(_) => 4,
            Self::Rpc(error) => match error.code() {
                Code::Unroutable => 4,
                Code::DeadlineExceeded => 5,
                // Nobody else has seen it.
                Code::InvalidArguments if error.server().is_none() => 2,
                Code::Unavailable if error.executed() == Executed::NotSent => 3,
                _ => 1,
            },
            Self::System(_) => 6,
            Self::Contract(_) => 7,
        })
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut error = json!({ "message": self.to_string() });
        if let Self::Connect(cause) | Self::Rpc(cause) = self {
            error["code"] = json!(cause.code().as_str());
            error["executed"] = json!(cause.executed().as_str());
            error["retryable"] = json!(cause.is_retryable());
            error["server"] = json!(cause.server());
        }
        if let Self::Service(failure) = self {
            error["code"] = json!(Code::ServiceError.as_str());
            error["type"] = json!(failure.error_type);
            error["data"] = json!(failure.data);
            error["retryable"] = json!(failure.retryable);
            error["server"] = json!(failure.server);
        }
        json!({ "error": error })
    }
}

impl From<CallError<ServiceFailure>> for Failure {
    fn from(error: CallError<ServiceFailure>) -> Self {
        match error {
            CallError::Service(failure) => Self::Service(failure),
            CallError::Rpc(error) => Self::Rpc(error),
        }
    }
}

/// Whether it is the URL that is wrong, and not the broker.
fn is_wrong_url(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<UrlError>() || source.is::<TransportUrlError>())
}

fn error_type(failure: &ServiceFailure) -> String {
    failure.error_type.as_ref().map(|name| format!("{name}: ")).unwrap_or_default()
}
