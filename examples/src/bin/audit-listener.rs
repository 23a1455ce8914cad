//! Writes down who did what, one line for each event, in a file that only grows.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin audit-listener -- --transport-url amqp://localhost --file audit.log --publisher 'compute\.'
//! ```
//!
//! Listeners of the same pool share the work; another pool gets all events again. All listeners of a pool have to ask for
//! the same: what passes no filter is acknowledged.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use examples::{TransportOptions, log_to_stderr, registry, stop_requested};
use rpc_core::{Filter, Listener, NotificationEndpoint, Received, Value};

#[derive(Parser)]
#[command(about = "Writes down events that pass a filter")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The pool to share events with
    #[arg(long, default_value = "audit")]
    pool: String,
    /// The file to append to
    #[arg(long)]
    file: PathBuf,
    /// Writes down only what publishers like this emit (a regular expression)
    #[arg(long, default_value = "")]
    publisher: String,
    /// Writes down only events of types like this (a regular expression)
    #[arg(long, default_value = "")]
    event_type: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&registry()).await?;
    let file = Arc::new(OpenOptions::new().create(true).append(true).open(options.file)?);
    let filter = Filter::new().publisher_id(options.publisher).event_type(options.event_type);
    let endpoint = NotificationEndpoint::new().filter(filter).on_any(move |event: Received<Value>| {
        let file = Arc::clone(&file);
        async move {
            // The disk is waited for on a thread that may. An error brings the event again after a second: it stays with the
            // broker until it is on disk.
            tokio::task::spawn_blocking(move || write_down(&file, &event)).await?
        }
    });
    let server = Listener::builder(&transport, ["notifications"])
        .pool(options.pool)
        .endpoint(endpoint)
        .start()
        .await?;
    println!("listening; Ctrl-C stops it");

    stop_requested().await?;
    server.shutdown(Duration::from_secs(10)).await;
    transport.close(Duration::from_secs(2)).await;
    println!("stopped");
    Ok(())
}

/// The message id comes first: a line that is there twice, after a crash, is found by it.
fn write_down(mut file: &File, event: &Received<Value>) -> std::io::Result<()> {
    let (id, attempt, who) = (event.message_id(), event.attempt(), event.publisher_id());
    let line =
        format!("{id} {attempt} {} {who} {} {:?}\n", event.priority(), event.event_type(), event.payload());
    file.write_all(line.as_bytes())?;
    file.sync_data()
}
