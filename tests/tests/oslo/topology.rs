//! What we declare is what Python declares, under each option.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Client, Code, Target, Value};
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

/// Without what is random or counted, and with arguments in order.
fn comparable(line: &str) -> String {
    let is_counted = |word: &str| word.matches(':').count() == 2;
    let is_random = |word: &str| {
        word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) || is_counted(word)
    };
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
    both_declare_and_leave(python_options, our_options, true).await;
}

/// As [`both_declare_the_same`]; `goes` when the queue of fanouts goes with its server.
async fn both_declare_and_leave(python_options: &str, our_options: &str, goes: bool) {
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

    // The exchange of fanouts goes with its last queue.
    server.shutdown(Duration::from_secs(1)).await;
    let is_there = || declared(broker, &our_vhost).concat().contains("_fanout");
    if goes {
        let gone = eventually(async || (!is_there()).then_some(())).await;
        assert!(gone.is_some(), "{:?}", declared(broker, &our_vhost));
    } else {
        assert!(is_there(), "{:?}", declared(broker, &our_vhost));
    }
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
async fn dv_18_mirrored() {
    both_declare_the_same("rabbit_ha_queues=true", "&rabbit_ha_queues=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_19_quorum_with_limits() {
    let limits = "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true&rabbit_quorum_delivery_limit=5\
                  &rabbit_quorum_max_memory_length=1000&rabbit_quorum_max_memory_bytes=5000000000";
    both_declare_the_same(limits, &format!("&{limits}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_21_24_streams() {
    let streams = "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";
    both_declare_and_leave(streams, &format!("&{streams}"), false).await;
    let for_ever = format!("{streams}&rabbit_transient_queues_ttl=0");
    both_declare_and_leave(&for_ever, &format!("&{for_ever}"), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_23_24_queue_manager() {
    let host = unique("host").replace('_', "-");
    let manager = format!("use_queue_manager=True&hostname={host}&processname=peer");
    both_declare_and_leave(&manager, &format!("&{manager}"), false).await;
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
    let queues = broker.ctl(&["list_queues", "--quiet", "--no-table-headers", "name", "type"]);
    let types: Vec<_> = queues.lines().filter(|line| line.starts_with(&*topic)).collect();
    assert!(types.len() == 3 && types.iter().all(|line| line.ends_with("\tquorum")), "{types:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_16_an_exchange_is_declared_once() {
    let (broker, topic, user) = (Broker::shared(), unique("once"), unique("user"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    broker.ctl(&["add_user", &user, "secret"]);
    broker.ctl(&["set_permissions", &user, ".*", ".*", ".*"]);
    let url = format!("{}?wire=oslo", broker.url_for(&user, "secret", "/"));
    let limited = AmqpTransport::builder(url).connect().await.unwrap();
    let client = Client::new(&limited, Target::topic(&*topic));
    let text = Value::map([("text", "a")]);
    client.cast("append", &text).await.unwrap();

    // Whoever may declare nothing any more can still send where it has sent before, and nowhere else.
    broker.ctl(&["set_permissions", &user, "^$", ".*", ".*"]);
    for _ in 0..3 {
        client.cast("append", &text).await.unwrap();
    }
    let other = Client::new(&limited, Target::topic(&*topic).exchange(unique("other")));
    let error = other.cast("append", &text).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied, "{error}");
}
