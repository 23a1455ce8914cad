//! A call that takes its time: the caller hears how far it is, notices when the server is gone, and may give it up.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin long-call
//! cargo run -p examples --bin long-call -- --transport-url amqp://localhost
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use examples::{Transcript, TransportOptions, registry};
use rpc_core::{Progress, Server, Target, service};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Parser)]
#[command(about = "Shows progress, signs of life and cancellation")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
}

/// How far a node is.
#[derive(Debug, Deserialize, Serialize)]
struct Deployed {
    percent: u8,
}

/// Installs nodes.
#[service]
trait Installer {
    /// Installs a node, and says so at every step. A server that falls silent for 5 s is taken for dead, though the node may take
    /// ten minutes.
    #[call(timeout = "10m", call_monitor = "5s")]
    async fn deploy(&self, progress: &Progress<Deployed>, node: String, step_ms: u64) -> String;
    /// Writes the firmware of a node, which must not be left half done.
    #[call(timeout = "10m", uncancellable)]
    async fn flash(&self, node: String);
}

/// Says what happens to each node, in the order in which it does.
struct Workshop(mpsc::UnboundedSender<String>);

impl Installer for Workshop {
    async fn deploy(&self, progress: &Progress<Deployed>, node: String, step_ms: u64) -> String {
        let mut cleanup = Cleanup { workshop: self, node: Some(node) };
        for percent in [0, 25, 50, 75, 100] {
            progress.send(&Deployed { percent });
            // Here, at an await point, the method ends when its caller has gone.
            tokio::time::sleep(Duration::from_millis(step_ms)).await;
        }
        cleanup.node.take().unwrap_or_default()
    }

    async fn flash(&self, node: String) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = self.0.send(format!("{node} is flashed"));
    }
}

/// Takes back what a method has begun, if it is dropped before its end.
struct Cleanup<'a> {
    workshop: &'a Workshop,
    node: Option<String>,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            let _ = self.workshop.0.send(format!("{node} is taken back"));
        }
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let registry = registry();
    let mut transcript = Transcript::new("Long calls: progress, signs of life, cancellation");
    let (sender, mut happened) = mpsc::unbounded_channel();
    let target = Target::topic("installer").exchange("long-call");
    let at_server = options.transport.connect(&registry).await?;
    let endpoint = Workshop(sender).into_endpoint();
    let server = Server::builder(&at_server, target.clone()).endpoint(endpoint).start().await?;
    let at_client = options.transport.connect(&registry).await?;
    let installer = InstallerClient::new(&at_client, target);

    transcript.part("A method tells how far it is");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let percents = Arc::clone(&heard);
    let deploy = installer.deploy("node-1".to_owned(), 50).on_progress(move |progress| {
        if let Ok(mut percents) = percents.lock() {
            percents.push(progress.percent.to_string());
        }
    });
    transcript.step("the node is there", deploy.await?, "node-1");
    let percents = heard.lock().map(|heard| heard.join(" ")).unwrap_or_default();
    transcript.step("what was heard on the way, in percent", percents, "0 25 50 75 100");

    transcript.part("A caller that goes away ends the method");
    let deploy = installer.deploy("node-2".to_owned(), 60_000).into_future();
    let given_up = tokio::time::timeout(Duration::from_millis(200), deploy).await.is_err();
    transcript.step("the caller has no more patience", given_up, "true");
    transcript.step("the server", happened.recv().await.unwrap_or_default(), "node-2 is taken back");

    transcript.part("Unless the method has to be done in one piece");
    let flash = installer.flash("node-3".to_owned()).into_future();
    let given_up = tokio::time::timeout(Duration::from_millis(200), flash).await.is_err();
    transcript.step("the caller has no more patience", given_up, "true");
    transcript.step("the server", happened.recv().await.unwrap_or_default(), "node-3 is flashed");

    server.shutdown(Duration::from_secs(5)).await;
    at_server.close(Duration::from_secs(1)).await;
    at_client.close(Duration::from_secs(1)).await;
    Ok(transcript.end())
}
