//! Errors of the examples as exceptions of Python.

use std::collections::BTreeMap;
use std::str::FromStr;

use rpc_amqp::{AmqpConnector, PythonException, PythonExceptions};
use rpc_core::message::Failure;
use rpc_core::{MemoryConnector, Registry};
use serde_json::Value;

use crate::interop::Failed;

/// The transports that the interop programs link. With `wire=oslo` in the URL the errors of the service are exceptions of
/// Python.
#[must_use]
pub fn interop_registry() -> Registry {
    let connector = AmqpConnector::configured(|builder| builder.python_exceptions(BuiltIns));
    Registry::new().with(["memory"], MemoryConnector::default()).with(rpc_amqp::SCHEMES, connector)
}

/// Every kind of failure is the exception of that name that Python has by itself. A caller raises a `RemoteError` for a name
/// that it does not know.
struct BuiltIns;

impl PythonExceptions for BuiltIns {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        let Failed { kind, message, .. } = serde_json::from_slice(&failure.data.body).ok()?;
        Some(PythonException::builtin(kind, message))
    }
}

/// The Python class of each variant of an error, as told on the command line: `OverQuota=cinder.exception.OverQuota`.
#[derive(Clone, Debug, Default)]
pub struct ExceptionNames(BTreeMap<String, (String, String)>);

/// One of [`ExceptionNames`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExceptionName {
    variant: String,
    module: String,
    class: String,
}

impl FromStr for ExceptionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (variant, path) = text.split_once('=').ok_or("it has to be VARIANT=MODULE.CLASS")?;
        let (module, class) = path.rsplit_once('.').unwrap_or((PythonException::BUILTINS, path));
        Ok(Self { variant: variant.to_owned(), module: module.to_owned(), class: class.to_owned() })
    }
}

impl FromIterator<ExceptionName> for ExceptionNames {
    fn from_iter<I: IntoIterator<Item = ExceptionName>>(names: I) -> Self {
        Self(names.into_iter().map(|it| (it.variant, (it.module, it.class))).collect())
    }
}

impl PythonExceptions for ExceptionNames {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        // The data of an error is its variant by name, as serde writes it.
        let data: Value = serde_json::from_slice(&failure.data.body).ok()?;
        let variant = data.as_str().or_else(|| data.as_object()?.keys().next().map(String::as_str))?;
        let (module, class) = self.0.get(variant)?;
        Some(PythonException::new(module, class, failure.message.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_variant_a_module_and_a_class() {
        let parts = |text: &str| {
            text.parse::<ExceptionName>().map(|name| [name.variant, name.module, name.class].join(" "))
        };
        assert_eq!(
            parts("OverQuota=cinder.exception.OverQuota").as_deref(),
            Ok("OverQuota cinder.exception OverQuota")
        );
        assert_eq!(parts("UnknownResource=KeyError").as_deref(), Ok("UnknownResource builtins KeyError"));
        assert!(parts("OverQuota").is_err());
    }
}
