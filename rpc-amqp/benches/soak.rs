//! A million calls, and the memory of the process after every hundred thousand.
//!
//! ```text
//! cargo bench -p rpc-amqp --bench soak                 # in memory, then over RabbitMQ; some minutes
//! cargo bench -p rpc-amqp --bench soak -- --memory     # in memory only; some seconds
//! ```
//!
//! 64 calls are in flight; client and server are in this process. The last lines are for scripts: `figure soak_PLACE
//! growth_MiB NUMBER`, from the end of the first hundred thousand to that of the last.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "support/broker.rs"]
mod broker;
#[path = "support/process.rs"]
mod process;

use std::process::ExitCode;

use rpc_amqp::AmqpTransport;
use rpc_core::{MemoryTransport, Server, SharedTransport, Target, service};
use tokio::runtime::Builder;

const IN_FLIGHT: usize = 64;
const CALLS_PER_STEP: usize = 100_000;
const STEPS: usize = 10;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match &words[..] {
        [] => broker::with_broker(|url| {
            run("memory", in_memory);
            run("rabbitmq", async || {
                let connect = async || AmqpTransport::builder(url).connect().await.unwrap().into();
                (connect().await, connect().await)
            });
            ExitCode::SUCCESS
        }),
        [word] if word == "--memory" => {
            run("memory", in_memory);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: soak [--memory]");
            ExitCode::from(2)
        }
    }
}

#[service]
trait Echo {
    /// Returns what it got.
    #[call]
    async fn echo(&self, text: String) -> String;
}

struct Plain;

impl Echo for Plain {
    async fn echo(&self, text: String) -> String {
        text
    }
}

async fn in_memory() -> (SharedTransport, SharedTransport) {
    let transport = MemoryTransport::new();
    (transport.clone().into(), transport.into())
}

/// Over a transport for the server and one for the client.
fn run(place: &str, connect: impl AsyncFnOnce() -> (SharedTransport, SharedTransport)) {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let growth = runtime.block_on(async {
        let (for_server, for_client) = connect().await;
        let server = Server::builder(&for_server, Target::topic("soak")).endpoint(Plain.into_endpoint());
        let _server = server.start().await.unwrap();
        let client = EchoClient::new(&for_client, Target::topic("soak"));
        let mut resident = Vec::new();
        for step in 1..=STEPS {
            calls(&client).await;
            resident.push(process::resident_kib());
            println!("{place}: {:>9} calls, {:>8} KiB", step * CALLS_PER_STEP, resident[step - 1]);
        }
        (resident[STEPS - 1] as f64 - resident[0] as f64) / 1_024.0
    });
    println!("\nfigure soak_{place} growth_MiB {growth:.2}\n");
}

async fn calls(client: &EchoClient) {
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|number| {
            let client = client.clone();
            // They divide without a rest but for some of the first.
            let calls = CALLS_PER_STEP / IN_FLIGHT + usize::from(number < CALLS_PER_STEP % IN_FLIGHT);
            tokio::spawn(async move {
                for _ in 0..calls {
                    drop(client.echo("x".repeat(64)).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no call fails");
    }
}
