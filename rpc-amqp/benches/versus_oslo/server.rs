//! The server of ours.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpc_amqp::AmqpTransport;
use rpc_core::{Server, Target, service};

use super::{OURS, process};

/// A message of the simulator: its number, its cargo, and when it was sent, handled and answered.
type Message = (u64, String, f64, f64, f64);

#[service]
trait Bench {
    #[call]
    async fn add(&self, a: i64, b: i64) -> i64;
    #[call]
    async fn info(&self, message: Message) -> Message;
}

struct Served;

impl Bench for Served {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn info(&self, message: Message) -> Message {
        let (number, cargo, sent, _, answered) = message;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        (number, cargo, sent, now, answered)
    }
}

/// Serves, and answers each line with the CPU time so far in microseconds, until there are no more.
pub(crate) fn run(url: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(async {
        let transport = AmqpTransport::builder(url).connect().await.unwrap();
        let server = Server::builder(&transport, Target::topic(OURS).server("one"));
        server.endpoint(Served.into_endpoint()).start().await.unwrap()
    });
    println!("ready");
    for _ in std::io::stdin().lines() {
        println!("{}", process::cpu_time().as_micros());
    }
    runtime.block_on(server.shutdown(Duration::from_secs(1)));
    ExitCode::SUCCESS
}
