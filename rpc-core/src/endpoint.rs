//! One served interface.

mod in_namespace;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::in_namespace::InNamespace;
use crate::codec;
use crate::context::{Context, SharedContext};
use crate::error::{Code, Error};
use crate::interface::Interface;
use crate::message::{Failure, Outcome};
use crate::payload::Payload;
use crate::progress::{Outbox, Progress};

/// One served interface. `#[service]` writes the implementation; tools and proxies may write their own.
pub trait Endpoint: Send + Sync + 'static {
    /// What is served.
    fn interface(&self) -> Interface;

    /// Starts the method `method` of [`Interface::methods`], which is always within bounds.
    ///
    /// A panic inside ends as [`Code::Panicked`] and harms nobody else.
    fn dispatch(&self, method: usize, invocation: Invocation) -> Dispatch;

    /// The same interface in another namespace; `None` is the one without a name. Served beside the first, it is for callers
    /// who still know the older name: oslo.messaging's `legacy_namespaces`.
    fn in_namespace(self, namespace: Option<&'static str>) -> InNamespace<Self>
    where
        Self: Sized,
    {
        InNamespace::new(self, namespace)
    }
}

/// The future of a running method.
pub type Dispatch = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A request as an [`Endpoint`] gets it.
#[derive(Clone, Debug)]
pub struct Invocation {
    context: SharedContext,
    arguments: Payload,
    outbox: Option<Outbox>,
}

impl Invocation {
    /// A request with `arguments` that are not compressed.
    #[must_use]
    pub const fn new(context: Arc<Context>, arguments: Payload) -> Self {
        Self::shared(SharedContext::Alone(context), arguments)
    }

    pub(crate) const fn shared(context: SharedContext, arguments: Payload) -> Self {
        Self { context, arguments, outbox: None }
    }

    /// For a caller that listens for progress.
    pub(crate) fn with_outbox(self, outbox: Option<Outbox>) -> Self {
        Self { outbox, ..self }
    }

    /// Tells the caller of progress, encoded as the arguments were, if it listens.
    #[must_use]
    pub fn progress<T: Serialize>(&self) -> Progress<T> {
        Progress::new(self.outbox.clone())
    }

    /// The encoded arguments, not compressed.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.arguments
    }

    /// What travelled with the request.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Decodes the arguments, a map by name; nothing counts as an empty map.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`], naming the argument, or [`Code::Malformed`] for bytes that are no value, as the
    /// outcome to return.
    pub fn arguments<A: DeserializeOwned>(&self) -> Result<A, Outcome> {
        codec::decode_map(&self.arguments).map_err(|error| {
            let code = if error.is_malformed() { Code::Malformed } else { Code::InvalidArguments };
            Outcome::Failure(Failure::new(code, format!("the arguments do not fit: {error}")))
        })
    }

    /// The outcome of a method that returned `value`, encoded as the arguments were.
    #[must_use]
    pub fn success<T: Serialize>(&self, value: &T) -> Outcome {
        match codec::encode(self.arguments.content_type, value) {
            Ok(payload) => Outcome::Success(payload),
            Err(error) => Outcome::Failure(unencodable("result", &error)),
        }
    }

    /// The outcome of a method that returned its own error, encoded as the arguments were. `error_type` is a
    /// label for people.
    #[must_use]
    pub fn service_error<E: Serialize + fmt::Display>(&self, error_type: &str, error: &E) -> Outcome {
        Outcome::Failure(match codec::encode(self.arguments.content_type, error) {
            Ok(data) => Failure {
                data,
                error_type: Some(error_type.into()),
                ..Failure::new(Code::ServiceError, error.to_string())
            },
            Err(cause) => unencodable("error", &cause),
        })
    }
}

/// The method ran, but what it returned cannot be told.
fn unencodable(what: &str, error: &Error) -> Failure {
    Failure {
        error_type: Some("EncodeError".into()),
        ..Failure::new(
            Code::RemoteError,
            format!("the method ran, but its {what} cannot be encoded: {}", error.message()),
        )
    }
}

const _: fn(&dyn Endpoint) = |_| {};
