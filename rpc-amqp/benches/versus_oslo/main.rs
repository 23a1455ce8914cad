//! What a server costs that answers clients in Python: ours, and one in Python that does the same.
//!
//! ```text
//! cargo bench -p rpc-amqp --bench versus_oslo               # two minutes
//! cargo bench -p rpc-amqp --bench versus_oslo -- --quick    # half a minute
//! ```
//!
//! A server of either language answers in turns, through a broker and in a process of its own. A call either adds two
//! numbers, or carries 2,450 bytes there and back in the form of oslo.messaging's own simulator of load. What counts is the
//! CPU time of the server's process for each call, as the operating system counts it.
//!
//! Two kinds of load: `busy` is a server that always has work, for which the bytes of a client in Python are published
//! again, with other ids, 256 at a time; `idle` is one that waits for each of the calls of one client in Python with 16
//! threads, and so wakes and sleeps with each of them.
//!
//! The last lines are for scripts: `ratio NAME cpu NUMBER`, ours over Python's, from the medians over all rounds. They need
//! oslo.messaging where `tests/install` puts it.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

#[path = "../support/broker.rs"]
mod broker;
mod child;
#[path = "../support/process.rs"]
mod process;
mod replay;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use self::child::Child;
use self::replay::{Replay, Sample};

/// The topics of the servers.
const OURS: &str = "ours";
const PYTHON: &str = "python";
const SERVER: &str = "server";

/// What is called, whether the server always has work, and what the ratio is named.
const WORKLOADS: [(&str, bool, &str); 4] = [
    ("add", true, "oslo_server_vs_python"),
    ("info", true, "oslo_server_vs_python_2450B"),
    ("add", false, "oslo_idle_server_vs_python"),
    ("info", false, "oslo_idle_server_vs_python_2450B"),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (rounds, calls) = match words[..] {
        [] => (5, 4_000),
        ["--quick"] => (3, 1_000),
        [SERVER, url] => return server::run(url),
        _ => {
            eprintln!("usage: versus_oslo [--quick]");
            return ExitCode::from(2);
        }
    };
    broker::with_broker(|url| {
        let mut stage = Stage::start(url);
        println!(
            "{:<6} {:<6} {:<8} {:>14} {:>14}",
            "call", "load", "server", "calls a second", "CPU µs a call"
        );
        let ratios = WORKLOADS.map(|(method, is_busy, name)| {
            let samples = is_busy.then(|| [0, 1].map(|place| stage.sample(place, method)));
            let mut costs = [Vec::new(), Vec::new()];
            let mut rates = [0.0, 0.0];
            for round in 0..rounds {
                for place in [round % 2, (round + 1) % 2] {
                    let sample = samples.as_ref().map(|samples| &samples[place]);
                    let (rate, cost) = stage.turn(place, method, sample, calls);
                    rates[place] = rate;
                    costs[place].push(cost);
                }
            }
            let costs = costs.map(median);
            let load = if is_busy { "busy" } else { "idle" };
            for (place, topic) in [OURS, PYTHON].into_iter().enumerate() {
                println!("{method:<6} {load:<6} {topic:<8} {:>14.0} {:>14.1}", rates[place], costs[place]);
            }
            format!("ratio {name} cpu {:.4}", costs[0] / costs[1])
        });
        println!("\n{}", ratios.join("\n"));
        ExitCode::SUCCESS
    })
}

/// The servers, ours first, and who calls them.
struct Stage {
    servers: [(&'static str, Child); 2],
    client: Child,
    replay: Replay,
}

impl Stage {
    fn start(url: &str) -> Self {
        let python_url = format!("{}/", url.replacen("amqp", "rabbit", 1));
        let servers = [
            (OURS, Child::of_ours(&format!("{url}?wire=oslo"))),
            (PYTHON, Child::python("server.py", &[&python_url, PYTHON])),
        ];
        let mut stage = Self {
            servers,
            client: Child::python("client.py", &[&python_url]),
            replay: Replay::connect(url),
        };
        // All connections are there before anything counts.
        for place in [0, 1] {
            stage.turn(place, "info", None, 200);
        }
        stage
    }

    /// A call as the client in Python makes it.
    fn sample(&mut self, place: usize, method: &str) -> Sample {
        let topic = self.servers[place].0;
        self.replay.sample(topic, || drop(self.client.ask(&format!("{topic} {method} 1"))))
    }

    /// Has a server called so often. Returns the calls a second, and microseconds of its CPU time for each.
    fn turn(&mut self, place: usize, method: &str, sample: Option<&Sample>, calls: u32) -> (f64, f64) {
        let before = self.used(place);
        let topic = self.servers[place].0;
        let seconds = match sample {
            Some(sample) => self.replay.turn(topic, sample, calls).as_secs_f64(),
            None => self.client.ask(&format!("{topic} {method} {calls}")).parse().expect("seconds"),
        };
        let used = self.used(place).saturating_sub(before);
        (f64::from(calls) / seconds, used.as_secs_f64() * 1e6 / f64::from(calls))
    }

    fn used(&mut self, place: usize) -> Duration {
        Duration::from_micros(self.servers[place].1.ask("used").parse().expect("microseconds"))
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
