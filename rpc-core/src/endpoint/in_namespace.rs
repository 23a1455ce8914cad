//! An interface in another namespace.

use super::{Dispatch, Endpoint, Invocation};
use crate::interface::Interface;

/// An endpoint in another namespace than its own; made by [`Endpoint::in_namespace`].
///
/// ```
/// # use rpc_core::{Client, Endpoint, MemoryTransport, Server, Target, service};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// Says its name.
/// #[service(namespace = "identity")]
/// trait Identity {
///     /// The name.
///     #[call]
///     async fn whoami(&self) -> String;
/// }
/// # struct Cell; impl Identity for Cell { async fn whoami(&self) -> String { "cell-1".to_owned() } }
///
/// let transport = MemoryTransport::new();
/// let identity = Cell.into_endpoint();
/// let server = Server::builder(&transport, Target::topic("cells"))
///     .endpoint(identity.clone())
///     .endpoint(identity.in_namespace(Some("names")))
///     .start()
///     .await?;
/// let client = IdentityClient::new(&transport, Target::topic("cells"));
/// let older = client.prepare(|settings| settings.namespace("names"));
/// assert_eq!(client.whoami().await?, older.whoami().await?);
/// # drop(server); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct InNamespace<E> {
    endpoint: E,
    namespace: Option<&'static str>,
}

impl<E> InNamespace<E> {
    pub(super) const fn new(endpoint: E, namespace: Option<&'static str>) -> Self {
        Self { endpoint, namespace }
    }
}

impl<E: Endpoint> Endpoint for InNamespace<E> {
    fn interface(&self) -> Interface {
        Interface { namespace: self.namespace, ..self.endpoint.interface() }
    }

    fn dispatch(&self, method: usize, invocation: Invocation) -> Dispatch {
        self.endpoint.dispatch(method, invocation)
    }
}
