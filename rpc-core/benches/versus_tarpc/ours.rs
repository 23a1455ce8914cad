//! A service of this framework in one process.

use rpc_core::{MemoryTransport, Server, Target, service};

use super::load::Requester;

/// What is measured.
#[service]
pub(crate) trait Echo {
    /// Returns what it got.
    #[call]
    async fn echo(&self, text: String) -> String;
}

struct Plain;

impl Echo for Plain {
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[derive(Clone)]
pub(crate) struct Ours {
    client: EchoClient,
    _server: std::sync::Arc<Server>,
}

impl Ours {
    pub(crate) async fn start() -> Self {
        let transport = MemoryTransport::new();
        let server = Server::builder(&transport, Target::topic("echo")).endpoint(Plain.into_endpoint());
        let server = server.start().await.unwrap().into();
        Self { client: EchoClient::new(&transport, Target::topic("echo")), _server: server }
    }
}

impl Requester for Ours {
    async fn echo(&self, text: String) -> String {
        self.client.echo(text).await.unwrap()
    }
}
