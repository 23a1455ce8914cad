//! `rpc stats`: how much was done, and how long it took.

use rpc_core::SharedTransport;
use rpc_core::introspection::Stats;

use crate::arguments;
use crate::discovery::Discovery;
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table, microseconds};

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    arguments::Stats { whom, all }: arguments::Stats,
    output: Output,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, whom);
    let stats = discovery.answers(discovery.stats(), |stats| &stats.server, output).await?;
    let is_idle = |of_server: &Stats| {
        let mut methods = of_server.methods.iter();
        of_server.refused.is_empty() && methods.all(|method| method.calls == 0 && method.in_flight == 0)
    };
    if !all && stats.iter().all(is_idle) {
        output.note_nothing("nothing was called yet; --all shows every method");
    }
    output.show(&stats, |stats| table(stats, all))
}

fn table(stats: &[Stats], all: bool) -> String {
    let mut table = Table::new([
        "TOPIC", "SERVER", "METHOD", "CALLS", "ERRORS", "RUNNING", "P50", "P90", "P99", "MAX", "WAIT P99",
    ]);
    for of_server in stats {
        let server = &of_server.server;
        let is_shown = |calls: u64, running: u64| all || calls > 0 || running > 0;
        for method in of_server.methods.iter().filter(|method| is_shown(method.calls, method.in_flight)) {
            let (latency, wait) = (&method.latency, &method.queue_wait);
            table.row([
                server.topic.clone(),
                server.server.clone(),
                method.method.clone(),
                method.calls.to_string(),
                errors(&method.errors),
                method.in_flight.to_string(),
                microseconds(latency.p50_us),
                microseconds(latency.p90_us),
                microseconds(latency.p99_us),
                microseconds(latency.max_us),
                microseconds(wait.p99_us),
            ]);
        }
        if !of_server.refused.is_empty() {
            let none = String::new;
            let sum: u64 = of_server.refused.values().sum();
            table.row([
                server.topic.clone(),
                server.server.clone(),
                "(no method)".to_owned(),
                sum.to_string(),
                errors(&of_server.refused),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
            ]);
        }
    }
    table.render()
}

fn errors(by_code: &std::collections::BTreeMap<String, u64>) -> String {
    let one = |(code, count): (&String, &u64)| format!("{count} {code}");
    by_code.iter().map(one).collect::<Vec<_>>().join(", ")
}
