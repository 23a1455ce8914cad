//! The interop service among Python peers.

use rpc_amqp::{AmqpConnector, PythonException, PythonExceptions};
use rpc_core::message::Failure;
use rpc_core::{MemoryConnector, Registry};

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
