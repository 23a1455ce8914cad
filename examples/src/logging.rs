//! Where the examples log to.

use tracing_subscriber::EnvFilter;

/// Logs to standard error what `RUST_LOG` asks for; warnings when it asks for nothing, without those of the AMQP
/// client library, which calls an orderly close an error and prints bodies of returned messages.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,lapin=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
