//! Fanouts that wait in a stream.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::Target;
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::proxy::Proxy;
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{PeerClient, connect, serve};

const PYTHON: &str =
    "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";
const OURS: &str = "&stream_fanout=true&transient_quorum=true";

fn fanout(python: &mut Python, topic: &str, text: impl std::fmt::Display) {
    let args = json!({ "text": text.to_string() });
    python.perform(&json!({ "op": "fanout", "topic": topic, "method": "append", "args": args })).unwrap();
}

/// What the server has seen, once it is `expected` or nothing changes any more.
async fn seen(server: &PeerClient, expected: &[String]) -> Vec<String> {
    let reached = eventually(async || server.seen().await.ok().filter(|seen| seen == expected)).await;
    match reached {
        Some(seen) => seen,
        None => server.seen().await.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_21_a_server_goes_on_where_it_was_when_its_link_comes_back() {
    let (broker, topic) = (Broker::shared(), unique("resumed"));
    let proxy = Proxy::start(broker.port());
    let url = format!("{}?wire=oslo{OURS}&heartbeat=2", proxy.url());
    let far = AmqpTransport::builder(url).connect().await.unwrap();
    let _server = serve(&far, &topic, "rust").await;
    let near = connect(broker, OURS).await;
    let client = PeerClient::new(&near, Target::topic(&*topic).server("rust"))
        .prepare(|it| it.timeout(Duration::from_secs(20)));
    let mut python = Python::client(broker, PYTHON);
    let mut expected = Vec::new();
    for round in 0..3 {
        for count in 0..20 {
            let text = format!("{round}.{count}");
            fanout(&mut python, &topic, &text);
            expected.push(text);
            match count {
                // While the server takes them in, and again while it is away.
                5 => proxy.cut(),
                8 => proxy.refuse(),
                15 => proxy.heal(),
                _ => {}
            }
        }
        assert_eq!(sorted(seen(&client, &expected).await), sorted(expected.clone()), "each of them once");
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_21_a_server_begins_with_what_is_sent_after_its_start() {
    let (broker, topic) = (Broker::shared(), unique("started"));
    let transport = connect(broker, OURS).await;
    let mut python = Python::client(broker, PYTHON);
    // Somebody makes the stream.
    let first = serve(&transport, &topic, "first").await;
    fanout(&mut python, &topic, "early");
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let to = |server: &'static str| client.prepare(move |it| it.server(server));
    assert_eq!(seen(&to("first"), &["early".to_owned()]).await, ["early"]);

    let _second = serve(&transport, &topic, "second").await;
    fanout(&mut python, &topic, "late");
    assert_eq!(seen(&to("second"), &["late".to_owned()]).await, ["late"]);
    assert_eq!(to("first").seen().await.unwrap(), ["early", "late"]);
    first.shutdown(Duration::from_secs(1)).await;
    // Nobody deletes what all of them read.
    assert!(broker.queue(&format!("{topic}_fanout")).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_05_21_what_cannot_be_read_does_not_stop_a_stream() {
    use tests::raw::{Message, RawClient};

    let (broker, topic) = (Broker::shared(), unique("unreadable"));
    let transport = connect(broker, OURS).await;
    let _server = serve(&transport, &topic, "rust").await;
    let raw = RawClient::connect(&broker.url()).await;
    let exchange = format!("{topic}_fanout");
    for wrong in
        [Message::new("{"), Message { content_type: Some("application/json".into()), ..Message::new("[]") }]
    {
        assert!(raw.publish(&exchange, "", &wrong).await);
    }
    let mut python = Python::client(broker, PYTHON);
    fanout(&mut python, &topic, "right");
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    assert_eq!(seen(&client, &["right".to_owned()]).await, ["right"]);
}
