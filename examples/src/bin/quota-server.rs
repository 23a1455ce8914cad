//! A service for clients in Python that use oslo.messaging. The page about it is docs/openstack.md.
//!
//! Run with
//!
//! ```text
//! cargo run -p examples --bin quota-server -- \
//!     --transport-url 'rabbit://guest:guest@localhost/?wire=oslo&control_exchange=cinder' \
//!     --python-exceptions OverQuota=quota_client.OverQuota --python-exceptions UnknownResource=KeyError
//! ```
//!
//! and ask it with
//!
//! ```text
//! python3 examples/python/quota_client.py rabbit://guest:guest@localhost/
//! ```

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use examples::quota::{QuotaEndpoint, QuotaServer};
use examples::{ExceptionName, ExceptionNames, log_to_stderr, stop_requested};
use rpc_amqp::AmqpTransport;
use rpc_core::{Notifier, Server, Target};

#[derive(Parser)]
#[command(about = "Serves quotas among services in Python until it is told to stop")]
struct Options {
    /// Where the broker is, with wire=oslo and with what the other services are configured to do
    #[arg(long, env = "RPC_TRANSPORT_URL", hide_env_values = true)]
    transport_url: String,
    /// The name of this server
    #[arg(long, default_value = "host-a")]
    server: String,
    /// The Python class that a variant of the service's error is: VARIANT=MODULE.CLASS, or VARIANT=CLASS for one of
    /// Python's own; may be given several times
    #[arg(long)]
    python_exceptions: Vec<ExceptionName>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let exceptions: ExceptionNames = options.python_exceptions.into_iter().collect();
    let transport =
        AmqpTransport::builder(options.transport_url).python_exceptions(exceptions).connect().await?;
    let notifier = Notifier::new(&transport, format!("quota.{}", options.server));
    let server = Server::builder(&transport, Target::topic("quota").server(options.server))
        .endpoint(QuotaEndpoint::new(QuotaServer::new(notifier)))
        // What operators ask with `oslo_rpc_server_ping`.
        .ping(true)
        .start()
        .await?;
    println!("ready");

    stop_requested().await?;
    server.shutdown(Duration::from_secs(30)).await;
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}
