//! A service to look at, and the program that looks.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{Server, ServerBuilder, Target, service};
use tests::broker::{Broker, unique};

#[derive(Debug, serde::Deserialize, serde::Serialize, thiserror::Error)]
pub(crate) enum PowerError {
    #[error("node {0} is locked")]
    Locked(u8),
}

/// Drives the hardware of one cell.
#[service(namespace = "baremetal", version = "1.2")]
pub(crate) trait Conductor {
    /// Switches a node on or off, and says whether it was on before.
    #[call(timeout = "5s")]
    async fn change_power(&self, node: u8, on: bool, note: Option<String>) -> Result<bool, PowerError>;
    /// Sleeps.
    #[call]
    async fn sleep(&self, milliseconds: u64);
    /// Refreshes one node.
    #[cast]
    async fn sync_power(&self, node: u8);
    /// Says how many nodes there are.
    #[fanout(timeout = "2s", since = "1.2")]
    async fn nodes(&self) -> u32;
}

/// Writes down what it was told.
#[derive(Clone, Default)]
pub(crate) struct Manager {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }
}

impl Conductor for Manager {
    async fn change_power(&self, node: u8, on: bool, note: Option<String>) -> Result<bool, PowerError> {
        self.write(format!("change_power {node} {on} {note:?}"));
        if node == 13 { Err(PowerError::Locked(node)) } else { Ok(!on) }
    }

    async fn sleep(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn sync_power(&self, node: u8) {
        self.write(format!("sync_power {node}"));
    }

    async fn nodes(&self) -> u32 {
        7
    }
}

pub(crate) async fn connect() -> AmqpTransport {
    AmqpTransport::builder(Broker::shared().url()).connect().await.unwrap()
}

/// An exchange that no other test uses, so that no other servers answer.
pub(crate) fn exchange() -> String {
    unique("cli")
}

pub(crate) fn server(
    transport: &AmqpTransport,
    exchange: &str,
    name: &str,
    manager: &Manager,
) -> ServerBuilder {
    let target = Target::topic("conductor").exchange(exchange).server(name);
    Server::builder(transport, target).endpoint(manager.clone().into_endpoint()).program_version("4.5")
}

/// What a run of `rpc` came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) took: Duration,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `rpc` on an exchange of the shared broker.
pub(crate) async fn rpc(exchange: &str, arguments: &[&str]) -> Ran {
    rpc_at(&Broker::shared().url(), exchange, arguments).await
}

pub(crate) async fn rpc_at(url: &str, exchange: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpc"));
    command.env("RPC_TRANSPORT_URL", url).env_remove("RUST_LOG").stdin(Stdio::null());
    command.args(arguments).args(["--exchange", exchange]);
    let run = move || {
        let started = Instant::now();
        let ended = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code: ended.status.code().unwrap_or(-1),
            output: text(&ended.stdout),
            errors: text(&ended.stderr),
            took: started.elapsed(),
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}
