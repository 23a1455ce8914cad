//! One file for each thing that `rpc` can do.

mod bench;
mod dlq;
mod doctor;
mod health;
mod info;
mod listen;
mod ls;
mod notify;
mod ping;
mod request;
mod schema;
mod stats;
mod top;
mod topology;

use clap::CommandFactory;

use crate::arguments::{Cli, Command};
use crate::connection::connected;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::Output;

/// Does what the command line says.
pub(crate) async fn run(Cli { options, command }: Cli, output: Output) -> Result<(), Failure> {
    if let Command::Completions { shell } = command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "rpc", &mut script);
        return crate::output::print(&String::from_utf8_lossy(&script));
    }
    let options = Options::resolve(options)?;
    if matches!(command, Command::Doctor) {
        // Connecting is its first check.
        return doctor::run(&options, output).await;
    }
    if let Command::Schema(command) = command {
        // Files are compared without a broker.
        return schema::run(&options, command, output).await;
    }
    if let Command::Topology(command) = command {
        // It speaks of RabbitMQ, and a part of it needs no connection.
        return topology::run(&options, command, output).await;
    }
    connected(&options, async |transport| match command {
        Command::Ls(whom) => ls::run(transport, &options, whom, output).await,
        Command::Ping(expecting) => ping::run(transport, &options, expecting, output).await,
        Command::Info(whom) => info::run(transport, &options, whom, output).await,
        Command::Stats(stats) => stats::run(transport, &options, stats, output).await,
        Command::Top(top) => top::run(transport, &options, top, output).await,
        Command::Health(expecting) => health::run(transport, &options, expecting, output).await,
        Command::Call(request) => request::call(transport, &options, request, output).await,
        Command::Cast(request) => request::cast(transport, &options, request, output).await,
        Command::Fanout(request) => request::fanout(transport, &options, request, output).await,
        Command::Gather(gather) => request::gather(transport, &options, gather, output).await,
        Command::Notify(notify) => notify::run(transport, &options, notify).await,
        Command::Listen(listen) => listen::run(transport, &options, listen).await,
        Command::Bench(bench) => bench::run(transport, &options, bench, output).await,
        Command::BenchServer => bench::serve(transport, &options).await,
        Command::Dlq(command) => dlq::run(transport, &options, command, output).await,
        // Done above.
        Command::Completions { .. } | Command::Doctor | Command::Schema(_) | Command::Topology(_) => Ok(()),
    })
    .await
}
