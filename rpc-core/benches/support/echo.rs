//! A service that does nothing, so that what is measured is ours.

use rpc_core::{MemoryTransport, Server, ServerBuilder, Target, service};

#[service]
pub(crate) trait Echo {
    /// Numbers need no memory of their own.
    #[call]
    async fn number(&self, number: u64) -> u64;
    /// Returns what it got.
    #[call]
    async fn text(&self, text: String) -> String;
}

pub(crate) struct Plain;

impl Echo for Plain {
    async fn number(&self, number: u64) -> u64 {
        number
    }

    async fn text(&self, text: String) -> String {
        text
    }
}

/// A client, and the server that has to be kept.
pub(crate) async fn start() -> (EchoClient, Server) {
    start_with(|builder| builder).await
}

/// Likewise, of a server with other settings.
pub(crate) async fn start_with(change: fn(ServerBuilder) -> ServerBuilder) -> (EchoClient, Server) {
    let transport = MemoryTransport::new();
    let server = Server::builder(&transport, Target::topic("echo")).endpoint(Plain.into_endpoint());
    let server = change(server).start().await.expect("the target has a name");
    (EchoClient::new(&transport, Target::topic("echo")), server)
}
