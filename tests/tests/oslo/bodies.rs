//! What is on the broker itself: what we send, and what nobody should.

use std::time::Duration;

use rpc_core::{Client, Target, Value};
use serde_json::{Value as Json, json};
use tests::broker::{Broker, unique};
use tests::raw::{Message, RawClient, eventually};

use crate::service::{PeerClient, connect, serve};

/// A body as a Python client makes it.
fn body(message: &Json) -> Message {
    let envelope = json!({ "oslo.version": "2.0", "oslo.message": message.to_string() });
    Message { content_type: Some("application/json".into()), ..Message::new(envelope.to_string()) }
}

fn message(message: &Message) -> Json {
    let envelope: Json = serde_json::from_slice(&message.body).unwrap();
    serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_01_02_08_requests_are_as_pythons() {
    let (broker, topic) = (Broker::shared(), unique("sent"));
    let transport = connect(broker, "").await;
    // The queue stays when its server is gone.
    serve(&transport, &topic, "s").await.shutdown(Duration::from_secs(1)).await;
    let client = Client::new(&transport, Target::topic(&*topic));
    client.cast("append", &Value::map([("text", "a")])).await.unwrap();
    let call = client.call("add", &Value::map([("a", 1_i64), ("b", 2)])).timeout(Duration::from_millis(900));
    assert!(call.await.unwrap_err().is_timeout());

    let raw = RawClient::connect(&broker.url()).await;
    let cast = raw.take(&topic).await;
    let plain = Message {
        content_type: Some("application/json".into()),
        content_encoding: Some("utf-8".into()),
        persistent: true,
        body: cast.body.clone(),
        ..Message::default()
    };
    assert_eq!(cast, plain);
    let content = message(&cast);
    assert_eq!((&content["method"], &content["args"]), (&json!("append"), &json!({ "text": "a" })));
    assert!(content.get("_msg_id").is_none() && content.get("_reply_q").is_none(), "{content}");
    // The call expired with its deadline.
    assert_eq!(raw.get(&topic).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_04_05_what_is_wrong_is_refused_by_itself() {
    let (broker, topic) = (Broker::shared(), unique("wrong"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "s").await;
    let raw = RawClient::connect(&broker.url()).await;
    let json = |body: &str| Message { content_type: Some("application/json".into()), ..Message::new(body) };
    let with_charset = Message {
        content_type: Some("application/json; charset=utf-8".into()),
        ..json(r#"{"method": "seen"}"#)
    };
    let wrong = [
        json(""),
        json("{"),
        json("[1]"),
        json("{}"),
        json(r#"{"oslo.version": "3.0", "oslo.message": "{\"method\": \"seen\"}"}"#),
        json(r#"{"oslo.version": "2.0", "oslo.message": 1}"#),
        with_charset,
        Message::new(r#"{"method": "seen"}"#),
        json("\u{0}").with_header("compression", "application/x-gzip"),
        body(&json!({ "method": "append", "args": [1], "_unique_id": 5 })),
        body(&json!({ "method": "seen", "_msg_id": "1", "_reply_q": topic })),
    ];
    for wrong in &wrong {
        assert!(raw.publish("openstack", &topic, wrong).await);
    }
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    assert_eq!(client.add(1, 2).await.unwrap(), 3);
    // Nothing comes again, and nothing was made to keep it.
    let empty = eventually(async || broker.queue(&topic).is_some_and(|it| it.messages == 0).then_some(()));
    assert!(empty.await.is_some(), "{:?}", broker.queue(&topic));
    assert!(broker.queues().iter().all(|queue| !queue.name.starts_with("dlq.")), "{:?}", broker.queues());
}
