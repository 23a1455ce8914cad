//! A generated client and a generated endpoint, with the in-memory transport between them.

use std::time::Duration;

use rpc_core::{
    CallError, ContentType, Context, Dispatch, Endpoint, Interface, Invocation, MemoryTransport, Server,
    Target,
};
use rpc_macros::service;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
enum PowerError {
    #[error("node {0} is locked")]
    Locked(u64),
}

#[service(namespace = "baremetal", version = "1.2")]
trait Conductor {
    #[call(timeout = "30s")]
    async fn change_power(
        &self,
        ctx: &Context,
        node: u64,
        #[default] r#type: String,
    ) -> Result<String, PowerError>;
    #[call(since = "1.1")]
    async fn name(&self) -> String;
    #[cast]
    async fn sync_power(&self, node: u64);
    #[fanout]
    async fn flush_cache(&self);
}

struct Manager {
    name: &'static str,
    seen: UnboundedSender<String>,
}

impl Conductor for Manager {
    async fn change_power(&self, _: &Context, node: u64, r#type: String) -> Result<String, PowerError> {
        if node == 13 { Err(PowerError::Locked(node)) } else { Ok(format!("{node} {type}")) }
    }
    async fn name(&self) -> String {
        self.name.to_owned()
    }
    async fn sync_power(&self, node: u64) {
        assert!(self.seen.send(format!("{} syncs {node}", self.name)).is_ok());
    }
    async fn flush_cache(&self) {
        assert!(self.seen.send(format!("{} flushes", self.name)).is_ok());
    }
}

#[tokio::test]
async fn rc_17_rs_08_the_typed_client_reaches_the_typed_service() {
    let transport = MemoryTransport::new();
    let (seen, mut sights) = unbounded_channel();
    let mut servers = Vec::new();
    for name in ["cell-1", "cell-2"] {
        let server = Server::builder(&transport, Target::topic("conductor").server(name))
            .endpoint(Manager { name, seen: seen.clone() }.into_endpoint());
        servers.push(server.start().await.unwrap());
    }
    let client = ConductorClient::new(&transport, Target::topic("conductor"));

    assert_eq!(client.change_power(4, "x86".to_owned()).await.unwrap(), "4 x86");
    let refused = client.change_power(13, String::new()).timeout(Duration::from_secs(9)).await;
    assert!(matches!(refused, Err(CallError::Service(PowerError::Locked(13)))), "{refused:?}");

    let second = client.prepare(|settings| settings.server("cell-2"));
    assert_eq!(second.name().await.unwrap(), "cell-2");
    second.sync_power(5).await.unwrap();
    assert_eq!(sights.recv().await.unwrap(), "cell-2 syncs 5");

    client.flush_cache().await.unwrap();
    let mut flushed = [sights.recv().await.unwrap(), sights.recv().await.unwrap()];
    flushed.sort();
    assert_eq!(flushed, ["cell-1 flushes", "cell-2 flushes"]);
    for server in servers {
        server.shutdown(Duration::from_secs(1)).await;
    }
}

/// Serves the interface and tells which arguments came, without knowing what they should be.
struct Recorder(UnboundedSender<(&'static str, serde_json::Value)>);

impl Endpoint for Recorder {
    fn interface(&self) -> Interface {
        ConductorClient::INTERFACE
    }

    fn dispatch(&self, method: usize, invocation: Invocation) -> Dispatch {
        let seen = self.0.clone();
        Box::pin(async move {
            let name = ConductorClient::INTERFACE.methods[method].name;
            match invocation.arguments() {
                Ok(arguments) => {
                    assert!(seen.send((name, arguments)).is_ok());
                    invocation.success(&"x")
                }
                Err(outcome) => outcome,
            }
        })
    }
}

#[tokio::test]
async fn rc_16_arguments_travel_as_a_map_by_name() {
    let transport = MemoryTransport::new();
    let (seen, mut sights) = unbounded_channel();
    let target = Target::topic("conductor");
    let server = Server::builder(&transport, target.clone().server("cell-1")).endpoint(Recorder(seen));
    let server = server.start().await.unwrap();
    for &content_type in ContentType::ALL {
        let client = ConductorClient::new(&transport, target.clone())
            .prepare(|settings| settings.content_type(content_type));
        client.change_power(4, "x86".to_owned()).await.unwrap();
        assert_eq!(sights.recv().await.unwrap(), ("change_power", json!({ "node": 4, "type": "x86" })));
        client.name().await.unwrap();
        assert_eq!(sights.recv().await.unwrap(), ("name", json!({})));
        client.sync_power(5).await.unwrap();
        assert_eq!(sights.recv().await.unwrap(), ("sync_power", json!({ "node": 5 })));
    }
    server.shutdown(Duration::from_secs(1)).await;
}
