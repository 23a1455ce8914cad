//! Prints what the compute hosts tell.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin collector -- --transport-url amqp://localhost --pool audit
//! ```
//!
//! Collectors of one pool share the events; another pool gets all of them again. While no collector of a pool
//! runs, the broker keeps its events.

use std::error::Error;

use clap::Parser;
use examples::{TransportOptions, log_to_stderr, registry, stop_requested};
use rpc_core::{Listener, Value};

#[derive(Parser)]
#[command(about = "Prints notifications until it is told to stop")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The pool to share events with
    #[arg(long)]
    pool: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&registry()).await?;
    let mut builder = Listener::builder(&transport, ["notifications"]);
    if let Some(pool) = options.pool {
        builder = builder.pool(pool);
    }
    let mut events = builder.start::<Value>().await?;
    println!("listening; Ctrl-C stops it");
    let mut stop = Box::pin(stop_requested());
    loop {
        let event = tokio::select! {
            stopped = &mut stop => { stopped?; break }
            event = events.next() => event,
        };
        let Some(event) = event else { break };
        println!(
            "{:<8} {} {} {:?}",
            event.priority(),
            event.publisher_id(),
            event.event_type(),
            event.payload()
        );
        // Acknowledged once it is printed: a crash before this line brings it again, and so does the loss of the link.
        if let Err(error) = event.ack().await {
            eprintln!("{error}");
        }
    }
    events.close().await;
    println!("stopped");
    Ok(())
}
