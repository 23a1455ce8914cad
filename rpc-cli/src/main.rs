//! `rpc`: see and steer what runs on a broker.
//!
//! `rpc --help` says what it can do; `README.md` beside this crate shows it.

mod arguments;
mod commands;
mod connection;
mod described;
mod discovery;
mod failure;
mod options;
mod output;
mod values;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::arguments::Cli;
use self::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let output = Output::new(cli.options.output);
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .build()
        .map_err(failure::Failure::from)
        .and_then(|runtime| runtime.block_on(commands::run(cli, output)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Says what `RUST_LOG` asks for; nothing when it asks for nothing, since what matters is in the error.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
