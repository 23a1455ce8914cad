//! Adds up what three services say that they have used, each event once.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin metering-collector -- --transport-url amqp://localhost --database usage.db
//! ```
//!
//! and `metering-service` a few times beside it. Kill it whenever you like, and start it again: no event is lost, and
//! none is added twice. `sqlite3 usage.db 'SELECT * FROM totals'` shows the totals.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use examples::metering::{ComputeUsage, NetworkUsage, Sample, Store, TOPIC, VolumeUsage};
use examples::{TransportOptions, log_to_stderr, registry, stop_requested};
use rpc_core::{Listener, NotificationEndpoint, Priority, Received};

#[derive(Parser)]
#[command(about = "Adds up usage in SQLite until it is told to stop")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The file of SQLite
    #[arg(long)]
    database: PathBuf,
    /// How many events are added in one transaction
    #[arg(long, default_value_t = 200)]
    batch: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let store = Store::open(&options.database)?;
    let transport = options.transport.connect(&registry()).await?;
    let endpoint = NotificationEndpoint::new()
        .on(add::<ComputeUsage>(&store))
        .on(add::<VolumeUsage>(&store))
        .on(add::<NetworkUsage>(&store));
    let server = Listener::builder(&transport, [TOPIC])
        .pool("billing")
        .priorities([Priority::Sample])
        // An event that was in hand whenever this process was killed is no poison: each is small, and decoded before.
        .delivery_limit(1_000)
        .endpoint(endpoint)
        .batch(options.batch, Some(Duration::from_millis(200)))
        .start()
        .await?;
    println!("collecting; Ctrl-C stops it");

    stop_requested().await?;
    server.shutdown(Duration::from_secs(10)).await;
    transport.close(Duration::from_secs(2)).await;
    println!("stopped");
    Ok(())
}

/// A handler of batches. An error, such as a full disk, brings the batch again after a second; it is acknowledged after
/// it was committed, never before.
fn add<T: Into<Sample> + Clone + Send + Sync + 'static>(
    store: &Store,
) -> impl Fn(Vec<Received<T>>) -> futures_util::future::BoxFuture<'static, Result<(), String>> + use<T> {
    let store = store.clone();
    move |batch| {
        let store = store.clone();
        Box::pin(async move { store.add(batch).await.map(drop) })
    }
}
