//! Serves the interop service for programs in other languages.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin interop-server -- --transport-url amqp://localhost --topic T --server S
//! ```
//!
//! With `?wire=oslo` behind the URL it is one more server among those of Python's oslo.messaging, and `fail` raises the
//! Python exception of the kind that it is asked for.
//!
//! It prints `ready` when it can be called, drains on SIGTERM and exits 0.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use examples::interop::{ExtraEndpoint, InteropEndpoint, InteropServer};
use examples::{TransportOptions, interop_registry, log_to_stderr, stop_requested};
use rpc_core::{Server, ServerBuilder, Target};

#[derive(Parser)]
#[command(about = "Serves the interop service until it is told to stop")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The topic to serve
    #[arg(long)]
    topic: String,
    /// The name of this server
    #[arg(long)]
    server: String,
    /// The exchange
    #[arg(long, default_value = Target::DEFAULT_EXCHANGE)]
    exchange: String,
    /// How many requests run at a time
    #[arg(long, default_value_t = ServerBuilder::DEFAULT_WORKERS)]
    workers: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&interop_registry()).await?;
    let service = Arc::new(InteropServer::new(&options.server));
    let target = Target::topic(options.topic).server(options.server).exchange(options.exchange);
    let server = Server::builder(&transport, target)
        .endpoint(InteropEndpoint::from_shared(Arc::clone(&service)))
        .endpoint(ExtraEndpoint::from_shared(service))
        .workers(options.workers)
        .start()
        .await?;
    println!("ready");

    stop_requested().await?;
    server.shutdown(Duration::from_secs(30)).await;
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}
