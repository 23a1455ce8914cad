//! What we declare is what Python declares, under each option.

use std::time::Duration;

use rpc_core::{Client, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::configuration::new_vhost;
use crate::python::Python;
use crate::service::{PeerClient, connect, connect_at, serve};

/// All that is declared in a vhost, with random names made equal, in order.
fn declared(broker: &Broker, vhost: &str) -> Vec<String> {
    let list = |what: &str, columns: &[&str]| {
        broker.ctl(&[&[what, "--quiet", "--no-table-headers", "--vhost", vhost], columns].concat())
    };
    let lists = [
        ("queue", list("list_queues", &["name", "durable", "auto_delete", "exclusive", "arguments"])),
        (
            "exchange",
            list("list_exchanges", &["name", "type", "durable", "auto_delete", "internal", "arguments"]),
        ),
        ("binding", list("list_bindings", &["source_name", "destination_name", "routing_key", "arguments"])),
    ];
    let lines =
        lists.iter().flat_map(|(kind, lines)| lines.lines().map(move |line| format!("{kind} {line}")));
    let own = lines.filter(|line| !line.starts_with("exchange amq.") && !line.starts_with("exchange \t"));
    let mut own: Vec<_> = own.map(|line| comparable(&line)).collect();
    own.sort();
    own
}

/// Without what is random, and with arguments in order.
fn comparable(line: &str) -> String {
    let is_random = |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = line.split_inclusive(['_', '\t']).map(|word| {
        let bare = word.trim_end_matches(['_', '\t']);
        if is_random(bare) { word.replace(bare, "RANDOM") } else { word.to_owned() }
    });
    let line: String = words.collect();
    let Some((line, arguments)) = line.rsplit_once("\t[") else { return line };
    let mut arguments: Vec<_> = arguments.trim_end_matches(']').split("},").collect();
    arguments.sort_unstable_by_key(|argument| argument.trim_matches(['{', '}']));
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.trim_matches(['{', '}'])).collect();
    format!("{line}\t{}", arguments.join(" "))
}

/// Declared by a Python server and client alone, and by ours alone, each in a vhost of its own.
async fn both_declare_the_same(python_options: &str, our_options: &str) {
    let (broker, topic) = (Broker::shared(), unique("declared"));
    let [python_vhost, our_vhost] = ["python", "rust"].map(|name| new_vhost(broker, name));

    let _python_server = Python::server_at(broker, &python_vhost, python_options, &topic, "s");
    let mut python = Python::client_at(broker, &python_vhost, python_options);
    let request = json!({ "op": "call", "topic": topic, "method": "whoami" });
    assert_eq!(python.perform(&request), Ok(json!("s")));

    let transport = connect_at(broker, &our_vhost, our_options).await;
    let server = serve(&transport, &topic, "s").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    assert_eq!(client.whoami().await.unwrap(), "s");

    let (theirs, ours) = (declared(broker, &python_vhost), declared(broker, &our_vhost));
    assert_eq!(ours, theirs);
    let count = ours.iter().filter(|line| line.starts_with("queue")).count();
    assert_eq!(count, 4, "for the topic, the server, fanouts and replies: {ours:?}");

    // The queue of fanouts goes with its server, and its exchange with it.
    server.shutdown(Duration::from_secs(1)).await;
    let gone =
        eventually(async || (!declared(broker, &our_vhost).concat().contains("_fanout")).then_some(()));
    assert!(gone.await.is_some(), "{:?}", declared(broker, &our_vhost));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_16_17_24_37_by_default() {
    both_declare_the_same("", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_18_durable() {
    both_declare_the_same("amqp_durable_queues=true", "&durable=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_18_auto_delete_and_no_time_to_live() {
    let python = "amqp_auto_delete=true&rabbit_transient_queues_ttl=0";
    both_declare_the_same(python, "&auto_delete=true&transient_queues_ttl=0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_19_20_quorum() {
    let python = "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true";
    both_declare_the_same(python, "&queue_type=quorum&transient_quorum=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn peers_with_quorum_queues_reach_each_other() {
    let (broker, topic) = (Broker::shared(), unique("quorum"));
    let options = "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true";
    let transport = connect(broker, "&queue_type=quorum&transient_quorum=true&control_exchange=quorum").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, options);
    let request = json!({
        "op": "call", "topic": topic, "exchange": "quorum", "method": "add", "args": { "a": 1, "b": 2 },
    });
    assert_eq!(python.perform(&request), Ok(json!(3)));
    let client = Client::new(&transport, Target::topic(&*topic));
    assert_eq!(client.call("whoami", &()).await.unwrap(), Value::from("rust"));
}
