//! One host of the compute service that finds its broker, its name and its limits in a file and in variables.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin configured-server -- --config examples/compute.toml
//! ```
//!
//! `RPC_SERVER_WORKERS=many` before it shows what a mistake looks like.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use examples::compute::{ComputeEndpoint, Host};
use examples::{log_to_stderr, registry, stop_requested};
use rpc_core::Notifier;
use rpc_core::config::Config;

#[derive(Parser)]
#[command(about = "Serves the compute service as a file and variables say, until it is told to stop")]
struct Options {
    /// The file; without one variables say everything
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    log_to_stderr();
    let config = match Config::load(Options::parse().config.as_deref()) {
        Ok(config) => config,
        // For a person, who reads it better without what `main` would print around it.
        Err(error) => return Err(error.to_string().into()),
    };
    let transport = config.transport.connect(&registry()).await?;
    let name = config.server.name.clone().unwrap_or_else(|| "host-a".to_owned());
    let notifier = Notifier::new(&transport, format!("compute.{name}")).exchange(config.exchange.as_str());
    let server = config
        .server
        .builder(&transport, config.target("compute"))
        .endpoint(ComputeEndpoint::new(Host::new(&name, notifier)))
        .start()
        .await?;
    println!("{} serves {} requests at a time; Ctrl-C stops it", server.name(), config.server.workers);

    stop_requested().await?;
    server.shutdown(config.server.shutdown_grace).await;
    transport.close(Duration::from_secs(2)).await;
    println!("stopped");
    Ok(())
}
