//! The echo server: what is called when nothing else is named.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use rpc_core::{Error, Server, SharedTransport, Target, service};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Where it serves. One name for all, so that no run leaves queues behind that the next does not use.
pub(super) const TOPIC: &str = "rpc-bench";
/// What it says when it can be called.
const READY: &str = "ready";
/// How long it may take until then, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives back what it gets.
#[service(namespace = "rpc.bench", version = "1.0")]
pub(super) trait Echo {
    /// Gives back what it gets.
    #[call(timeout = "10s")]
    async fn echo(&self, cargo: String) -> String;
}

struct Mirror;

impl Echo for Mirror {
    async fn echo(&self, cargo: String) -> String {
        cargo
    }
}

pub(super) fn target(options: &Options) -> Target {
    Target::topic(TOPIC).exchange(options.exchange.as_str())
}

async fn start(transport: &SharedTransport, options: &Options) -> Result<Server, Error> {
    let target = target(options).server("echo");
    Server::builder(transport, target).endpoint(Mirror.into_endpoint()).workers(1_000).start().await
}

/// Serves until standard input ends, as it does when the process that has started this one ends.
pub(crate) async fn serve(transport: &SharedTransport, options: &Options) -> Result<(), Failure> {
    let server = start(transport, options).await?;
    let (sender, ended) = oneshot::channel::<()>();
    // A thread, since reading cannot be given up; it ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        drop(sender);
    });
    // A terminal interrupts this process together with the one that calls it, which wants to finish.
    let deaf = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    output::print(READY)?;
    let _ = ended.await;
    deaf.abort();
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

/// An echo server that serves.
pub(super) enum EchoServer {
    /// In another process.
    Process(Child),
    /// In this one, where its transport reaches no other.
    Here(Server),
}

impl EchoServer {
    /// Starts one, and returns when it can be called.
    pub(super) async fn start(transport: &SharedTransport, options: &Options) -> Result<Self, Failure> {
        let url = options.url();
        if url.starts_with("memory:") {
            return Ok(Self::Here(start(transport, options).await?));
        }
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench-server", "--exchange", &options.exchange])
            // Not among the arguments, which every user of the machine can see.
            .env("RPC_TRANSPORT_URL", url)
            .env_remove("RPC_TRANSPORT_URL_FILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            // What it says besides stands on standard error, which is that of this process.
            let _ = tokio::time::timeout(PATIENCE, output.read_line(&mut line)).await;
        }
        if line.trim() == READY {
            Ok(Self::Process(child))
        } else {
            Err(Failure::Nobody("the echo server did not start".to_owned()))
        }
    }

    /// Ends it; one that does not end by itself is killed.
    pub(super) async fn end(self) {
        match self {
            Self::Process(mut child) => {
                drop(child.stdin.take());
                let _ = tokio::time::timeout(PATIENCE, child.wait()).await;
            }
            Self::Here(server) => server.shutdown(Duration::from_secs(1)).await,
        }
    }
}
