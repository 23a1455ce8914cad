//! Peers that were configured otherwise, and were there first.

use rpc_core::{Client, Executed, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};

use crate::python::Python;
use crate::service::{PeerClient, connect_at, new_vhost, serve, try_serve};

/// Python declares with `theirs` before we come with `ours`: what we are told, and that it is true.
async fn is_told(theirs: &str, ours: &str, expected: &[&str]) {
    let (broker, vhost, topic) = (Broker::shared(), new_vhost(Broker::shared()), unique("other"));
    let _python = Python::server_at(broker, &vhost, theirs, &topic, "python");
    let transport = connect_at(broker, &vhost, &format!("&{ours}")).await;
    let error = try_serve(&transport, &topic, "rust").await.expect_err("the start has to fail");
    assert_eq!(error.executed(), Executed::NotSent);
    let text = error.to_string();
    for part in expected {
        assert!(text.contains(part), "{theirs} and {ours}: {text}");
    }
    // Whoever says what Python was told is let in.
    let agreed = connect_at(broker, &vhost, &format!("&{theirs}")).await;
    let _server = serve(&agreed, &topic, "rust").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_17_the_option_of_a_shared_queue_that_differs_is_named() {
    let quorum = "rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5";
    let told = [
        "wanted a transient queue",
        "PRECONDITION_FAILED",
        "set queue_type=quorum (in Python rabbit_quorum_queue=true) and quorum_delivery_limit=5 (in Python",
    ];
    is_told(quorum, "", &told).await;
    is_told("", "queue_type=quorum", &["set queue_type=classic (", " and durable=false ("]).await;
    let in_memory =
        "rabbit_quorum_queue=true&rabbit_quorum_max_memory_length=7&rabbit_quorum_max_memory_bytes=8";
    let told = ["set quorum_max_memory_length=7 (", " and quorum_max_memory_bytes=8 ("];
    is_told(in_memory, "queue_type=quorum", &told).await;
    let told = "set durable=true (in Python amqp_durable_queues=true) to agree";
    is_told("amqp_durable_queues=true", "", &[told]).await;
    is_told("amqp_auto_delete=true", "", &["topic exchange", "set auto_delete=true (in Python"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_17_the_option_of_fanouts_that_differs_is_named() {
    let transient = "rabbit_transient_quorum_queue=true";
    is_told(transient, "", &["fanout exchange", "set transient_quorum=true (in Python"]).await;
    let stream = "rabbit_transient_quorum_queue=true&rabbit_stream_fanout=true&rabbit_qos_prefetch_count=1";
    let told = ["x-max-age=60s", "set transient_queues_ttl=1800 (in Python rabbit_transient"];
    is_told(stream, &format!("{stream}&transient_queues_ttl=60"), &told).await;
}

/// As services that share a control exchange, of which only one was told to be durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_18_an_exchange_is_used_as_it_is_durable_or_not() {
    let (broker, topic) = (Broker::shared(), unique("neighbour"));
    for (theirs, ours) in
        [("amqp_durable_queues=true", ""), ("", "&durable=true"), ("", "&queue_type=quorum")]
    {
        let vhost = new_vhost(broker);
        let _python = Python::server_at(broker, &vhost, theirs, &topic, "python");
        let transport = connect_at(broker, &vhost, ours).await;
        let untyped = Client::new(&transport, Target::topic(&*topic));
        assert_eq!(untyped.call("whoami", &()).await.unwrap(), Value::from("python"), "{theirs} and {ours}");
        let own = unique("own");
        let _server = serve(&transport, &own, "rust").await;
        let client = PeerClient::new(&transport, Target::topic(&*own));
        assert_eq!(client.whoami().await.unwrap(), "rust", "{theirs} and {ours}");
        let mut python = Python::client_at(broker, &vhost, theirs);
        let whoami = json!({ "op": "call", "topic": own, "method": "whoami" });
        assert_eq!(python.perform(&whoami), Ok(json!("rust")), "{theirs} and {ours}");
        let exchanges = broker.ctl(&["list_exchanges", "--vhost", &vhost, "name", "durable"]);
        let kept = format!("openstack\t{}", !theirs.is_empty());
        assert!(exchanges.lines().any(|line| line == kept), "{exchanges}");
    }
}
