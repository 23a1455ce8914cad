//! What programs declare, and what the broker has.

use rpc_core::{Server, Target};
use tests::broker::{Broker, unique};

use crate::support::{ConductorIntoEndpoint, Manager, Ran, connect, exchange, rpc, rpc_at, server};

fn found<'a>(ran: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let all = ran.as_array().unwrap();
    all.iter().find(|entity| entity["name"] == name).unwrap_or_else(|| panic!("no {name}: {ran:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_declared_is_known_without_a_broker() {
    let shown = |query: &'static str, line: &'static [&'static str]| async move {
        let line = [&["topology", "show"], line, &["--output", "json"]].concat();
        let ran = rpc_at(&format!("amqp://127.0.0.1:1/?{query}"), "cell", &line).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()
    };
    let native = shown("queue_type=quorum", &["conductor", "--server", "s"]).await;
    assert_eq!(found(&native, "rpc.cell.conductor")["properties"]["x-queue-type"], "quorum");
    assert_eq!(found(&native, "rpc.cell.conductor.s")["properties"]["x-expires"], "1800000");
    assert_eq!(found(&native, "fan.conductor.s.*")["is_own"], true);
    assert_eq!(found(&native, "x.cell.rpc%2eintrospection.fanout")["properties"]["type"], "fanout");
    let oslo = shown("wire=oslo&durable=true", &["conductor"]).await;
    assert_eq!(found(&oslo, "conductor")["properties"]["durable"], "true");
    assert!(
        !oslo.to_string().contains("introspection"),
        "servers among Python peers answer no questions: {oslo}"
    );
    let listener = shown("", &["notifications", "--role", "listener", "-P", "audit", "-p", "error"]).await;
    assert_eq!(found(&listener, "notify.cell.notifications.error.audit")["kind"], "queue");
    let client = shown("", &["conductor", "--role", "client"]).await;
    assert_eq!(found(&client, "reply.rpc.*")["is_own"], true);
    let notifier = shown("", &["notifications", "--role", "notifier"]).await;
    assert_eq!(notifier.as_array().map(Vec::len), Some(1), "only an exchange: {notifier}");
    let ran = rpc_at("memory://", "x", &["topology", "show", "t"]).await;
    assert!(ran.code == 2 && ran.errors.contains("amqp://"), "{ran:?}");
    assert_eq!(rpc_at("amqp://127.0.0.1:1", "x", &["topology", "show", ""]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topology_is_made_compared_and_used() {
    let (exchange, manager) = (exchange(), Manager::default());
    let line = |command: &'static str| ["topology", command, "conductor", "--output", "json"];
    let lacking = rpc(&exchange, &line("check")).await;
    let queue = format!("rpc.{exchange}.conductor");
    assert_eq!(
        (lacking.code, &found(&lacking.json(), &queue)["state"]),
        (1, &"absent".into()),
        "{lacking:?}"
    );
    assert_eq!(rpc(&exchange, &line("check")).await.code, 1, "looking makes nothing");

    let made = rpc(&exchange, &line("apply")).await;
    assert_eq!(made.code, 0, "{made:?}");
    assert!(found(&made.json(), &queue)["is_own"] == false && !made.output.contains("fan."), "{made:?}");
    let checked = rpc(&exchange, &line("check")).await;
    assert_eq!((checked.code, &found(&checked.json(), &queue)["state"]), (0, &"same".into()), "{checked:?}");
    let own = found(&checked.json(), "fan.conductor.unnamed.*")["state"].clone();
    assert_eq!(own, "unknown");
    assert_eq!(rpc(&exchange, &line("apply")).await.code, 0, "twice changes nothing");
    // What was made is what a server wants that may make nothing.
    let url = format!("{}?topology=verify", Broker::shared().url());
    let transport = rpc_amqp::AmqpTransport::builder(url).connect().await.unwrap();
    let target = Target::topic("conductor").exchange(exchange.as_str());
    let server = Server::builder(&transport, target).endpoint(manager.into_endpoint());
    let _server = server.introspection(true).start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_shown_with_the_option_that_fits() {
    let (exchange, manager, transport) = (exchange(), Manager::default(), connect().await);
    let _server = server(&transport, &exchange, "cell-1", &manager).start().await.unwrap();
    let at = |query: &str| format!("{}?{query}", Broker::shared().url());
    let quorum = at("queue_type=quorum");
    let ran = rpc_at(&quorum, &exchange, &["topology", "check", "conductor"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let lines: Vec<_> = ran.output.lines().map(str::trim).collect();
    let place =
        lines.iter().position(|line| line.starts_with("differs")).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(lines[place].ends_with(&format!("rpc.{exchange}.conductor")), "{ran:?}");
    assert_eq!(lines[place + 1..place + 3], ["- x-queue-type=classic", "+ x-queue-type=quorum"], "{ran:?}");
    assert!(lines[place + 3].contains("set queue_type=classic"), "{ran:?}");
    let agreed = rpc(&exchange, &["topology", "check", "conductor"]).await;
    assert!(agreed.code == 0 && agreed.output.contains("made when it is first needed"), "{agreed:?}");
    let applied = rpc_at(&quorum, &exchange, &["topology", "apply", "conductor"]).await;
    assert!(applied.code != 0 && applied.errors.contains("x-queue-type"), "{applied:?}");

    // Among Python peers, where the library knows more options.
    let topic = unique("topic");
    let check =
        async |query: &str| -> Ran { rpc_at(&at(query), &exchange, &["topology", "check", &topic]).await };
    let applied = rpc_at(&at("wire=oslo&durable=true"), &exchange, &["topology", "apply", &topic]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    // The exchange of its fanouts comes with the first server and goes with the last.
    let agreed = check("wire=oslo&durable=true").await;
    assert!(!agreed.output.contains("differs"), "{agreed:?}");
    let other = check("wire=oslo").await;
    assert!(
        other.code == 1 && other.output.contains("set durable=true (in Python amqp_durable_queues=true)"),
        "{other:?}"
    );
}
