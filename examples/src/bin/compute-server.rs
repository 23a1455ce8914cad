//! One host of the compute service, as a process of its own.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin compute-server -- --transport-url amqp://localhost --server host-a
//! ```
//!
//! Stop it with Ctrl-C or SIGTERM: it finishes what it has begun, and gives back the rest.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use examples::compute::{ComputeEndpoint, Host};
use examples::{TransportOptions, log_to_stderr, registry, stop_requested};
use rpc_core::{Notifier, Server, Target};

#[derive(Parser)]
#[command(about = "Serves the compute service until it is told to stop")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The name of this host
    #[arg(long, default_value = "host-a")]
    server: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&registry()).await?;
    let notifier = Notifier::new(&transport, format!("compute.{}", options.server));
    let server = Server::builder(&transport, Target::topic("compute").server(&options.server))
        .endpoint(ComputeEndpoint::new(Host::new(&options.server, notifier)))
        .start()
        .await?;
    println!("{} serves; Ctrl-C stops it", server.name());

    stop_requested().await?;
    println!("{} finishes {} requests", server.name(), server.running());
    server.shutdown(Duration::from_secs(30)).await;
    transport.close(Duration::from_secs(2)).await;
    println!("stopped");
    Ok(())
}
