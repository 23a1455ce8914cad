//! The ping of oslo.messaging.

use crate::endpoint::{Dispatch, Endpoint, Invocation};
use crate::interface::{Interface, Method, MethodKind};

/// Says that the server is there.
pub(super) struct Ping;

impl Ping {
    pub(super) const INTERFACE: Interface = Interface::new("Ping")
        .with_methods(&[Method::new("oslo_rpc_server_ping", MethodKind::Call)])
        .with_docs("Says that the server is there.");
}

impl Endpoint for Ping {
    fn interface(&self) -> Interface {
        Self::INTERFACE
    }

    fn dispatch(&self, _: usize, invocation: Invocation) -> Dispatch {
        // Whatever its arguments, as in Python.
        Box::pin(async move { invocation.success(&"pong") })
    }
}
