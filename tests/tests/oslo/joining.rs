//! Peers of both languages behind one topic, whoever was there first, under each option.

use std::collections::BTreeSet;

use rpc_core::{Client, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{PeerClient, connect_at, new_vhost, serve};

/// Python declares a topic and ours join it, and the other way round; each is called by both, and gets the fanouts of both.
/// The options are the same text on both sides.
async fn each_joins_the_other(options: &str) {
    let (broker, vhost) = (Broker::shared(), new_vhost(Broker::shared()));
    let transport = connect_at(broker, &vhost, &format!("&{options}")).await;
    let mut python = Python::client_at(broker, &vhost, options);
    for ours_is_first in [false, true] {
        let topic = unique("joined");
        let join = || serve(&transport, &topic, "rust");
        let (_rust, _python) = if ours_is_first {
            let ours = join().await;
            (ours, Python::server_at(broker, &vhost, options, &topic, "python"))
        } else {
            let theirs = Python::server_at(broker, &vhost, options, &topic, "python");
            (join().await, theirs)
        };
        let client = PeerClient::new(&transport, Target::topic(&*topic));
        let mut asked = BTreeSet::new();
        for server in ["rust", "python"] {
            let whoami = json!({ "op": "call", "topic": topic, "server": server, "method": "whoami" });
            assert_eq!(python.perform(&whoami), Ok(json!(server)));
            assert_eq!(client.prepare(|it| it.server(server)).whoami().await.unwrap(), server);
        }
        for _ in 0..8 {
            asked.insert(client.whoami().await.unwrap());
        }
        assert_eq!(asked.len(), 2, "they share the topic: {asked:?}");

        let untyped = Client::new(&transport, Target::topic(&*topic));
        untyped.fanout("append", &Value::map([("text", "from rust")])).await.unwrap();
        let fanout =
            json!({ "op": "fanout", "topic": topic, "method": "append", "args": { "text": "from python" } });
        python.perform(&fanout).unwrap();
        for server in ["rust", "python"] {
            let server = client.prepare(|it| it.server(server));
            let seen = async || {
                let mut texts = server.seen().await.unwrap();
                texts.sort();
                (texts == ["from python", "from rust"]).then_some(())
            };
            assert!(eventually(seen).await.is_some(), "{:?}", server.seen().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_18_durable_peers() {
    each_joins_the_other("amqp_durable_queues=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_18_passing_peers() {
    each_joins_the_other("amqp_auto_delete=true&rabbit_transient_queues_ttl=0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_18_mirrored_peers() {
    each_joins_the_other("rabbit_ha_queues=true&enable_cancel_on_failover=true").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_19_20_peers_with_limited_quorum_queues() {
    let limits = "rabbit_quorum_delivery_limit=9&rabbit_quorum_max_memory_length=100";
    each_joins_the_other(&format!("rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true&{limits}"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_21_peers_with_a_stream_for_fanouts() {
    let stream = "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";
    each_joins_the_other(&format!("rabbit_quorum_queue=true&{stream}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_28_peers_that_compress() {
    each_joins_the_other("kombu_compression=gzip").await;
}
