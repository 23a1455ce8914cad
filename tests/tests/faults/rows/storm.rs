//! Much at once, within the process of the suite: what would need too many programs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::transport::LinkState;
use rpc_core::{Listener, Server, Target, Value};
use tests::chaos::{ChaosEndpoint, Requester, Served};
use tests::ledger::Ledger;

use super::Row;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("C15", "500 consumers are opened and closed on one connection (long form: 10,000)", 30, cycles),
    Row::new("E13", "60 servers lose their connections at once (long form: 200)", 40, storm),
];

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Serves a topic within this process, as `chaos-server` does.
pub(super) async fn serve_here(
    transport: &AmqpTransport,
    exchange: &str,
    topic: &str,
    name: &str,
    ledger: &Path,
) -> Result<Server, rpc_core::Error> {
    let target = Target::topic(topic).exchange(exchange).server(name);
    let ledger = Arc::new(Ledger::open(ledger));
    let requester = Requester::new(transport, exchange, topic, Arc::clone(&ledger));
    let (_, released) = tokio::sync::watch::channel(true);
    let endpoint = ChaosEndpoint::new(Served::new(ledger, requester, released));
    Server::builder(transport, target).endpoint(endpoint).start().await
}

/// Half of them leave while events wait for their acknowledgement. The connection never ends.
fn cycles(stage: &mut Stage<'_>) {
    let (url, exchange) = (stage.url(Side::Client), stage.exchange.clone());
    let count = stage.options.amount(500, 10_000);
    stage.fault(format!("{count} cycles of open and close"));
    let epochs = runtime().block_on(async {
        let transport = AmqpTransport::builder(&url).connect().await.unwrap();
        let notifier = rpc_core::Notifier::new(&transport, "cycles").exchange(&exchange).topics(["cycles"]);
        for number in 0..count {
            let listener = Listener::builder(&transport, ["cycles"]).exchange(&exchange);
            let listener = listener.priorities([rpc_core::Priority::Info]);
            let mut events = listener.start::<Value>().await.unwrap();
            if number % 2 == 0 {
                notifier.info("cycle", &number).await.unwrap();
                let event = events.next().await.unwrap();
                if number % 4 == 0 { event.ack().await.unwrap() } else { drop(event) }
            }
            events.close().await;
        }
        let status = transport.status().now();
        transport.close(Duration::from_secs(2)).await;
        status.epoch
    });
    stage.expect(epochs == 1, || format!("C15: the connection ended {} times", epochs - 1));
}

/// They come back spread over time, and all are healthy within 10 s.
fn storm(stage: &mut Stage<'_>) {
    let count = stage.options.amount(60, 200);
    let (url, exchange, path) = (stage.url(Side::Server), stage.exchange.clone(), stage.ledger());
    let proxy = stage.proxy(Side::Server);
    let runtime = runtime();
    let servers: Vec<_> = runtime.block_on(async {
        let mut servers = Vec::new();
        for number in 0..count {
            let transport = AmqpTransport::builder(&url).connect().await.unwrap();
            let server =
                serve_here(&transport, &exchange, "chaos", &format!("s{number}"), &path).await.unwrap();
            servers.push((transport, server));
        }
        servers
    });
    stage.fault(format!("FIN on every connection of {count} servers"));
    proxy.cut();
    proxy.heal();
    let since = Instant::now();
    let is_back = |(transport, _): &(AmqpTransport, Server)| {
        let status = transport.status().now();
        status.epoch >= 2 && status.state == LinkState::Connected
    };
    let healthy = stage.until(Duration::from_secs(20), |_| servers.iter().all(is_back));
    let took = since.elapsed();
    let back = servers.iter().filter(|server| is_back(server)).count();
    stage.expect(healthy && took <= Duration::from_secs(10), || {
        format!("E13: {back} of {count} servers are back after {took:?}, limit 10 s")
    });
    stage.note(format!("E13: all {count} servers were connected again after {took:?}"));
    runtime.block_on(async {
        for (transport, server) in servers {
            server.shutdown(Duration::from_secs(1)).await;
            transport.close(Duration::from_secs(1)).await;
        }
    });
}
