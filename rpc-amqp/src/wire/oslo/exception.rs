//! Exceptions as Python knows them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rpc_core::message::Failure;
use rpc_core::{ContentType, Value};
use serde::Deserialize;

/// An exception as Python knows it: a class, by the name of its module and its own, and what it was made of.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
#[non_exhaustive]
pub struct PythonException {
    /// The module of the class, such as `nova.exception`; `builtins` for Python's own.
    pub module: String,
    /// The name of the class.
    pub class: String,
    /// What it says.
    pub message: String,
    /// The arguments of its constructor, by position.
    #[serde(rename = "args")]
    pub arguments: Vec<Value>,
    /// The arguments of its constructor, by name.
    #[serde(rename = "kwargs")]
    pub keyword_arguments: BTreeMap<String, Value>,
    /// Where it happened: lines, each with its end. What is raised without any gets one with its class and message.
    #[serde(rename = "tb")]
    pub traceback: Vec<String>,
}

impl PythonException {
    /// The module of Python's own exceptions.
    pub const BUILTINS: &'static str = "builtins";

    /// An exception of this class, made of its message.
    ///
    /// A caller raises a class of `builtins` as it is. Any other it raises when its `allowed_remote_exmods` name the module,
    /// and the constructor takes these arguments; otherwise it raises a `RemoteError` that tells class and message.
    #[must_use]
    pub fn new(module: impl Into<String>, class: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            module: module.into(),
            class: class.into(),
            arguments: vec![Value::Text(message.clone())],
            message,
            ..Self::default()
        }
    }

    /// One of Python's own, such as `ValueError`, made of its message.
    #[must_use]
    pub fn builtin(class: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Self::BUILTINS, class, message)
    }

    /// The exception that a failure came as; `None` when it came from somewhere else.
    pub(super) fn of(failure: &Failure) -> Option<Self> {
        let is_json = failure.data.content_type == ContentType::Json;
        is_json.then(|| serde_json::from_slice(&failure.data.body).ok()).flatten()
    }

    /// The class as people write it: Python's own by its name, any other with its module.
    pub(super) fn path(&self) -> String {
        match self.module.as_str() {
            "" | Self::BUILTINS | "exceptions" => self.class.clone(),
            module => format!("{module}.{}", self.class),
        }
    }
}

/// Which errors of this side are which exceptions of the other.
///
/// What neither method knows stays what it is: a Python caller gets a `RemoteError` that tells the name and the text of a
/// service's own error, and a caller here gets [`Code::RemoteError`](rpc_core::Code::RemoteError) with class, message and
/// traceback.
pub trait PythonExceptions: Send + Sync + 'static {
    /// As what a Python caller sees `failure`. The error's data is JSON.
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        let _ = failure;
        None
    }

    /// The data of the service's own error that `exception` stands for, as the caller's type of error reads it: so this is
    /// the list of what is allowed to become a typed error.
    fn caught(&self, exception: &PythonException) -> Option<Value> {
        let _ = exception;
        None
    }
}

/// Knows none.
struct Unknown;

impl PythonExceptions for Unknown {}

/// What a transport was told about exceptions.
#[derive(Clone)]
pub(crate) struct Exceptions(Arc<dyn PythonExceptions>);

impl Exceptions {
    pub(crate) fn new(exceptions: impl PythonExceptions) -> Self {
        Self(Arc::new(exceptions))
    }
}

impl PythonExceptions for Exceptions {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        self.0.raised(failure)
    }

    fn caught(&self, exception: &PythonException) -> Option<Value> {
        self.0.caught(exception)
    }
}

impl Default for Exceptions {
    fn default() -> Self {
        Self::new(Unknown)
    }
}

impl fmt::Debug for Exceptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Exceptions")
    }
}
