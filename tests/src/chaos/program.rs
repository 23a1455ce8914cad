//! What the two programs have in common: options, log, commands.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use rpc_amqp::AmqpTransport;
use rpc_core::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tracing_subscriber::EnvFilter;

use super::Words;
use crate::ledger::Ledger;

/// The options of both programs.
#[derive(Clone, Debug, Parser)]
#[command(about = "A program of the fault suite; commands come on standard input")]
pub struct Options {
    /// amqp://USER:PASSWORD@HOST:PORT/VHOST
    #[arg(long, env = "RPC_TRANSPORT_URL", hide_env_values = true)]
    pub url: String,
    /// A file with the certificate of the authority to trust, for amqps://
    #[arg(long)]
    pub authority: Option<PathBuf>,
    /// The exchange, which keeps rows apart
    #[arg(long)]
    pub exchange: String,
    /// The topic that is served and called
    #[arg(long, default_value = "chaos")]
    pub topic: String,
    /// The name of this server, or of the pool of a listener
    #[arg(long, default_value = "one")]
    pub name: String,
    /// Where to write down what happens
    #[arg(long)]
    pub ledger: PathBuf,
    /// Handlers at a time
    #[arg(long, default_value_t = 64)]
    pub workers: u16,
    /// How long a server that is told to stop may take, in milliseconds
    #[arg(long, default_value_t = 5_000)]
    pub grace: u64,
    /// Listens for notifications instead of serving
    #[arg(long)]
    pub listen: bool,
    /// How long a listener blocks its thread for each event, in milliseconds
    #[arg(long, default_value_t = 0)]
    pub busy: u64,
    /// Threads of the program's own runtime
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// Commands as they come on standard input.
#[derive(Debug)]
pub struct Commands(UnboundedReceiver<String>);

impl Options {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the library says.
    pub async fn connect(&self) -> Result<AmqpTransport, Error> {
        let mut builder = AmqpTransport::builder(&self.url).service_name(format!("chaos-{}", self.name));
        if let Some(path) = &self.authority {
            builder =
                builder.ca_certificates(std::fs::read_to_string(path).expect("the authority can be read"));
        }
        builder.connect().await
    }

    /// Opens the ledger.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::new(Ledger::open(&self.ledger))
    }

    /// How long an orderly end may take.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace)
    }

    /// Logs to standard error all that the library says at DEBUG and above, and runs `program`.
    ///
    /// # Errors
    ///
    /// What `program` ends with.
    pub fn run<F>(program: impl FnOnce(Self) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let filter = EnvFilter::new("info,rpc_core=debug,rpc_amqp=debug,lapin=warn");
        let format = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        format.with_writer(std::io::stderr).init();
        let options = Self::parse();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(options.threads).enable_all().build().expect("a runtime");
        runtime.block_on(program(options))
    }
}

impl Commands {
    /// Says that the program is ready, and starts to read.
    #[must_use]
    pub fn open() -> Self {
        // A thread of our own: those that tokio would start for it come and go, and threads are counted.
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || {
            let lines = std::io::stdin().lines().map_while(Result::ok);
            let _ = lines.into_iter().try_for_each(|line| sender.send(line));
        });
        answer(&"ready");
        Self(lines)
    }

    /// The next command; `None` at the end of the input.
    ///
    /// # Panics
    ///
    /// When a line makes no sense.
    pub async fn next(&mut self) -> Option<Words> {
        Some(self.0.recv().await?.parse().expect("a line of words"))
    }
}

/// Answers a command.
pub fn answer(line: &impl std::fmt::Display) {
    println!("{line}");
}
