//! Runs operations that other programs write as JSON lines to its standard input.
//!
//! Run with
//!
//! ```text
//! echo '{"id":1,"op":"call","topic":"T","method":"add","args":{"a":1,"b":2}}' |
//!     cargo run -p examples --bin interop-client -- --transport-url amqp://localhost
//! ```
//!
//! Operations run at the same time, and each is answered by a JSON line when it has finished. At the end of the
//! input it finishes what is pending and exits 0.

mod answer;
mod operation;
mod perform;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use examples::{TransportOptions, interop_registry, log_to_stderr};
use rpc_core::Target;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::answer::Answer;
use self::operation::Line;
use self::perform::Performer;

#[derive(Parser)]
#[command(about = "Answers JSON lines with JSON lines")]
struct Options {
    #[command(flatten)]
    transport: TransportOptions,
    /// The exchange
    #[arg(long, default_value = Target::DEFAULT_EXCHANGE)]
    exchange: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let options = Options::parse();
    let transport = options.transport.connect(&interop_registry()).await?;
    let (answers, printed) = mpsc::channel(1_024);
    let printer = tokio::spawn(print(printed));
    let performer = Arc::new(Performer::new(transport.clone(), options.exchange, answers.clone()));

    let mut operations = JoinSet::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Line>(&line) {
            Ok(line) => drop(operations.spawn(Arc::clone(&performer).perform(line))),
            Err(error) => answers.send(Answer::unreadable(&error)).await?,
        }
        while operations.try_join_next().is_some() {}
    }
    while operations.join_next().await.is_some() {}
    performer.stop_listening().await;
    // The printer ends when nobody can answer any more.
    drop((performer, answers));
    printer.await??;
    transport.close(Duration::from_secs(2)).await;
    Ok(())
}

/// The only task that writes, so that lines stay whole. An event is acknowledged when its line has left.
async fn print(mut answers: mpsc::Receiver<Answer>) -> std::io::Result<()> {
    let mut out = BufWriter::new(tokio::io::stdout());
    let mut batch = Vec::new();
    while answers.recv_many(&mut batch, 1_024).await > 0 {
        for answer in &batch {
            out.write_all(format!("{}\n", answer.line).as_bytes()).await?;
        }
        out.flush().await?;
        for event in batch.drain(..).filter_map(|answer| answer.event) {
            // Over a link that is gone it comes again, marked as redelivered.
            drop(event.ack().await);
        }
    }
    Ok(())
}
