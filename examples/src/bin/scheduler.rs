//! Boots machines on whichever host is free, until told to stop.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin scheduler -- --transport-url amqp://localhost
//! ```
//!
//! Start and stop `compute-server` meanwhile: calls wait for a host, and none is lost by an orderly stop.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use examples::compute::ComputeClient;
use examples::{TransportOptions, log_to_stderr, registry, stop_requested};
use rpc_core::{CallError, Target};

#[derive(Parser)]
#[command(about = "Calls the compute service once a second")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// Stops by itself after this many calls
    #[arg(long)]
    count: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&registry()).await?;
    let compute = ComputeClient::new(&transport, Target::topic("compute"));
    let mut stop = Box::pin(stop_requested());
    for number in 1..=options.count.unwrap_or(u64::MAX) {
        // Every fourth wish is too large for any host.
        let cores = if number % 4 == 0 { 64 } else { 2 };
        match compute.boot(format!("vm-{number}"), cores).await {
            Ok(instance) => println!("{} runs on {}", instance.name, instance.host),
            Err(CallError::Service(refusal)) => println!("vm-{number} was refused: {refusal}"),
            Err(CallError::Rpc(error)) => println!("vm-{number} failed: {error}"),
        }
        tokio::select! {
            stopped = &mut stop => { stopped?; break }
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}
