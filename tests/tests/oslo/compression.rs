//! Compressed bodies.

use std::time::Duration;

use rpc_core::{Client, Listener, Notifier, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::RawClient;

use crate::python::Python;
use crate::service::{PeerClient, connect, serve};

const PYTHON: &str = "kombu_compression=gzip";
const OURS: &str = "&compression=gzip";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_28_either_side_may_compress() {
    let (broker, topic) = (Broker::shared(), unique("compressed"));
    for (theirs, ours) in [(PYTHON, ""), ("", OURS), (PYTHON, OURS)] {
        let transport = connect(broker, ours).await;
        let _python_server = Python::server(broker, theirs, &topic, "python");
        let _server = serve(&transport, &topic, "rust").await;
        let mut python = Python::client(broker, theirs);
        let text = "é \u{1f980} \"".repeat(2_000);
        for server in ["python", "rust"] {
            let client = PeerClient::new(&transport, Target::topic(&*topic).server(server));
            assert_eq!(client.echo(text.as_str().into()).await.unwrap(), Value::from(text.as_str()));
            let request = json!({
                "op": "call", "topic": topic, "server": server, "method": "echo", "args": { "value": text },
            });
            assert_eq!(python.perform(&request), Ok(json!(text)), "{server}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_28_what_is_sent_is_smaller_and_says_so() {
    let (broker, topic) = (Broker::shared(), unique("smaller"));
    let transport = connect(broker, OURS).await;
    serve(&transport, &topic, "s").await.shutdown(Duration::from_secs(1)).await;
    let client = Client::new(&transport, Target::topic(&*topic));
    client.cast("append", &Value::map([("text", "a".repeat(10_000))])).await.unwrap();
    let raw = RawClient::connect(&broker.url()).await;
    let cast = raw.take(&topic).await;
    assert_eq!(cast.header("compression").as_deref(), Some("application/x-gzip"));
    assert_eq!(cast.content_type.as_deref(), Some("application/json"));
    assert!(cast.body.len() < 500 && cast.body[0] == 0x78, "a stream of zlib: {:?}", &cast.body[..2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_24_a_compressed_event_arrives_as_it_was() {
    let (broker, topic) = (Broker::shared(), unique("events"));
    let transport = connect(broker, OURS).await;
    let mut theirs = Python::listener(broker, &json!({ "topics": [topic], "pool": unique("pool") }));
    let mut ours = Listener::builder(&transport, [&*topic]).start::<Value>().await.unwrap();

    let payload = json!({ "text": "x".repeat(5_000) });
    let mut python = Python::notifier_with(broker, PYTHON, "publisher", &topic);
    let event = json!({ "priority": "info", "event_type": "made.there", "payload": payload });
    python.perform(&event).unwrap();
    let event = ours.next().await.unwrap();
    assert_eq!(serde_json::to_value(event.payload()).unwrap(), payload);
    event.ack().await.unwrap();
    assert_eq!(theirs.perform(&json!(null)).unwrap()["payload"], payload);

    let notifier = Notifier::new(&transport, "publisher").topics([&*topic]);
    notifier.info("made.here", &payload).await.unwrap();
    assert_eq!(theirs.perform(&json!(null)).unwrap()["event_type"], "made.here");
}
