//! Peers on a cluster whose nodes die one after the other.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::Target;
use serde_json::json;
use tests::broker::{Cluster, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{PeerClient, serve};

/// Each node is killed inside calls of ours, so that whichever has the connections is among them; the calls return. A Python
/// client reaches our server again, too.
/// Python is not told of `ours`.
async fn calls_survive_every_node(ours: &str) {
    let (cluster, topic) = (Cluster::start(), unique("failover"));
    let options = "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true";
    let url = format!("{}/?wire=oslo&heartbeat=2&{options}{ours}", cluster.url());
    let connect = || AmqpTransport::builder(url.as_str()).connect();
    let (serving, calling) = (connect().await.unwrap(), connect().await.unwrap());
    let _server = serve(&serving, &topic, "rust").await;
    let client = PeerClient::new(&calling, Target::topic(&*topic).server("rust"));
    let client = client.prepare(|it| it.timeout(Duration::from_secs(60)));
    let mut python =
        Python::client_to(&format!("{}/?{options}", cluster.url().replacen("amqp", "rabbit", 1)));
    let whoami = json!({ "op": "call", "topic": topic, "method": "whoami", "timeout": 5 });
    assert_eq!(python.perform(&whoami), Ok(json!("rust")));

    for (round, node) in cluster.nodes().iter().enumerate() {
        let call = tokio::spawn(client.sleep(4.0).into_future());
        // The request has arrived when another one behind it has been answered.
        assert_eq!(client.whoami().await.unwrap(), "rust", "round {round}");
        node.kill();
        assert_eq!(call.await.unwrap().unwrap(), 4.0, "round {round}");
        assert_eq!(client.whoami().await.unwrap(), "rust", "round {round}");
        let mut found = None;
        for _ in 0..6 {
            found = found.or(eventually(async || python.perform(&whoami).ok()).await);
        }
        assert_eq!(found, Some(json!("rust")), "for Python, round {round}");
        node.start_again();
        let mut is_whole = None;
        for _ in 0..6 {
            is_whole = is_whole.or(eventually(async || (cluster.running() == 3).then_some(())).await);
        }
        assert!(is_whole.is_some(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_27_28_29_calls_survive_every_node() {
    calls_survive_every_node("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_30_so_they_do_when_consumers_are_told() {
    calls_survive_every_node("&enable_cancel_on_failover=true").await;
}
