//! `rpc bench`.

use std::time::Duration;

use clap::Args;

use super::Request;

/// Which load is put on what.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bench {
    /// The topic; without one an echo server is started as a process of its own, and called
    #[arg(requires = "method")]
    topic: Option<String>,
    /// The method: a call or a cast
    method: Option<String>,
    /// Arguments by name, as in `rpc call`; every call has the same
    #[arg(value_name = "KEY=VALUE")]
    arguments: Vec<String>,
    /// All arguments as one JSON object; KEY=VALUE adds to them
    #[arg(long, value_name = "OBJECT", requires = "topic")]
    json: Option<String>,
    /// The server of this name, instead of any one
    #[arg(short, long, value_name = "NAME", requires = "topic")]
    server: Option<String>,
    /// The namespace of the interface; needed when several have the method
    #[arg(short, long, requires = "topic")]
    namespace: Option<String>,
    /// The version to ask for; by default the one that brought the method
    #[arg(long = "interface-version", value_name = "MAJOR.MINOR", requires = "topic")]
    version: Option<rpc_core::Version>,
    /// Do not ask servers for the types: a value is sent as JSON if it is JSON, and as text otherwise
    #[arg(short, long, requires = "topic")]
    untyped: bool,
    /// Start an echo server and call it, which is what happens without a topic
    #[arg(long = "self", conflicts_with = "topic")]
    own: bool,
    /// How many letters the echo server is sent; by default what messages of a cloud's services were seen to have, 501 to 11500
    #[arg(long, value_name = "BYTES", conflicts_with = "topic", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) size: Option<u32>,
    /// Begin so many calls in a second, whether or not others have ended; without it the next begins when one ends
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// How many calls are under way at a time: all the time, 16 by default; with --rate at most, 1000 by default
    #[arg(short = 'f', long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) in_flight: Option<u16>,
    /// How long calls are begun, after the warm-up; by default 10s, and 10m with --count
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Ends after so many calls, without those of the warm-up
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// How long calls are made before they are measured
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "1s")]
    pub(crate) warm_up: Duration,
    /// Write a plot of the latencies to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<std::path::PathBuf>,
}

impl Bench {
    /// What is called every time; `None` is the own echo server.
    pub(crate) fn request(&self) -> Option<Request> {
        let (topic, method) = (self.topic.clone()?, self.method.clone()?);
        Some(Request {
            topic,
            method,
            arguments: self.arguments.clone(),
            json: self.json.clone(),
            server: self.server.clone(),
            namespace: self.namespace.clone(),
            version: self.version,
            untyped: self.untyped,
        })
    }

    /// How long calls are begun, after the warm-up.
    pub(crate) fn duration(&self) -> Duration {
        let default = Duration::from_secs(if self.count.is_some() { 600 } else { 10 });
        self.duration.unwrap_or(default)
    }
}
