//! A service that serves nothing and only tells what it has used.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin metering-service -- --transport-url amqp://localhost --service compute --count 1000
//! ```
//!
//! It ends when the broker has all of its events. While the broker is away it waits, for two minutes at the longest.

use std::error::Error;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use examples::metering::{ComputeUsage, NetworkUsage, TOPIC, VolumeUsage};
use examples::{TransportOptions, log_to_stderr, registry};
use futures_util::{StreamExt, TryStreamExt, stream};
use rpc_core::{Notifier, RetryPolicy};

#[derive(Clone, Copy, ValueEnum)]
enum Service {
    Compute,
    Volume,
    Network,
}

#[derive(Parser)]
#[command(about = "Emits usage of seven projects")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// What it is that was used
    #[arg(long, value_enum, default_value = "compute")]
    service: Service,
    /// In whose name
    #[arg(long, default_value = "cell-1")]
    publisher: String,
    /// How many events
    #[arg(long, default_value_t = 100)]
    count: u64,
}

/// Events on their way at a time: the broker confirms many together.
const AT_ONCE: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let Options { transport, service, publisher, count } = Options::parse();
    let transport = transport.connect(&registry()).await?;
    // Tried again under the same message id, so that an event whose fate is unknown is not counted twice.
    let notifier = Notifier::new(&transport, publisher)
        .topics([TOPIC])
        .retry(RetryPolicy::until_timeout())
        .timeout(Duration::from_secs(120));
    let emit = |number: u64| {
        let (notifier, project, amount) = (&notifier, format!("project-{}", number % 7), number % 10 + 1);
        async move {
            match service {
                Service::Compute => notifier.emit(&ComputeUsage::new(project, amount)).await,
                Service::Volume => notifier.emit(&VolumeUsage::new(project, amount)).await,
                Service::Network => notifier.emit(&NetworkUsage::new(project, amount)).await,
            }
        }
    };
    stream::iter(0..count).map(emit).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    println!("the broker has {count} events");
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}
