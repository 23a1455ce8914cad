//! `rpc ls`: who runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::introspection::{Info, InterfaceDescription, Stats};
use rpc_core::{SharedTransport, Target};
use serde_json::{Value, json};

use crate::arguments::Whom;
use crate::discovery::{Discovery, Found};
use crate::failure::Failure;
use crate::options::Options;
use crate::output::{Output, Table, uptime};

/// How long the broker may take to say how full a queue is. What it does not say in time is left out.
const LOOK_LIMIT: Duration = Duration::from_millis(300);

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    whom: Whom,
    output: Output,
) -> Result<(), Failure> {
    let discovery = Discovery::new(transport, options, whom);
    // Side by side, so that the two together take no longer than one.
    let (infos, stats) = tokio::join!(
        discovery.answers(discovery.info(), |info| &info.server, output),
        discovery.gather(discovery.stats(), None, output),
    );
    let infos = infos?;
    let stats: BTreeMap<_, _> =
        stats?.into_iter().map(|Found { answer, .. }| (answer.server.instance.clone(), answer)).collect();
    let waiting = waiting(transport, options, &infos).await;
    let servers: Vec<_> =
        infos.iter().map(|info| server(info, stats.get(&info.server.instance), &waiting)).collect();
    output.show(&servers, |servers| table(servers))
}

/// How many requests wait at the broker for any server of each topic.
async fn waiting(transport: &SharedTransport, options: &Options, infos: &[Info]) -> BTreeMap<String, u32> {
    let topics: BTreeSet<_> = infos.iter().map(|info| info.server.topic.as_str()).collect();
    let looks = topics.into_iter().map(async |topic| {
        let target = Target::topic(topic).exchange(options.exchange.as_str());
        let look = tokio::time::timeout(LOOK_LIMIT, transport.transport().inspect(&target)).await;
        Some((topic.to_owned(), look.ok()?.ok()??.ready))
    });
    join_all(looks).await.into_iter().flatten().collect()
}

fn server(info: &Info, stats: Option<&Stats>, waiting: &BTreeMap<String, u32>) -> Value {
    let serves = |interface: &InterfaceDescription| json!({ "name": interface.name, "namespace": interface.namespace, "version": interface.version });
    let Info { server, host, process, program, program_version, framework, uptime_ms, workers, .. } = info;
    json!({
        "exchange": server.exchange, "topic": server.topic, "server": server.server, "instance": server.instance,
        "interfaces": info.interfaces.iter().map(serves).collect::<Vec<_>>(),
        "program": program, "program_version": program_version, "framework": framework,
        "host": host, "process": process, "uptime_ms": uptime_ms,
        "running": stats.map(|stats| stats.running), "workers": workers, "waiting": waiting.get(&server.topic),
    })
}

fn table(servers: &[Value]) -> String {
    let mut table =
        Table::new(["TOPIC", "SERVER", "SERVES", "PROGRAM", "HOST", "PROCESS", "UP", "RUNNING", "WAITING"]);
    for server in servers {
        let text = |key: &str| match &server[key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let version = match text("program_version") {
            version if version.is_empty() => version,
            version => format!(" {version}"),
        };
        let running = match text("running") {
            running if running.is_empty() => "?".to_owned(),
            running => running,
        };
        table.row([
            text("topic"),
            text("server"),
            serves(&server["interfaces"]),
            text("program") + &version,
            text("host"),
            text("process"),
            uptime(server["uptime_ms"].as_u64().unwrap_or(0)),
            format!("{running}/{}", text("workers")),
            text("waiting"),
        ]);
    }
    table.render()
}

/// Namespaces, or names where there is none, with their versions.
fn serves(interfaces: &Value) -> String {
    let one = |interface: &Value| {
        let name = interface["namespace"].as_str().or_else(|| interface["name"].as_str()).unwrap_or_default();
        format!("{name} {}", interface["version"].as_str().unwrap_or_default())
    };
    interfaces.as_array().into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}
