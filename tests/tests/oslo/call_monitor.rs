//! Long calls: each side hears the other.

use std::time::{Duration, Instant};

use rpc_core::{Code, Executed, Target};
use serde_json::{Value, json};
use tests::broker::{Broker, unique};
use tests::raw::{Message, RawClient, eventually};

use crate::python::Python;
use crate::service::{PeerClient, connect, serve};

const SECOND: Duration = Duration::from_secs(1);
/// As Python's own test asks for.
const HOUR: Duration = Duration::from_secs(3_600);

fn sleep(topic: &str, seconds: f64, timeout: u64, monitor: Option<u64>) -> Value {
    json!({
        "op": "call", "topic": topic, "method": "sleep", "args": { "seconds": seconds },
        "timeout": timeout, "monitor": monitor,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_09_10_dv_11_a_python_client_hears_us_if_it_listens() {
    let (broker, topic) = (Broker::shared(), unique("heard"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    assert_eq!(python.perform(&sleep(&topic, 4.0, 3_600, Some(2))), Ok(json!(4.0)));
    // It has no timer, and would fail at the first sign of life.
    assert_eq!(python.perform(&sleep(&topic, 4.0, 3_600, None)), Ok(json!(4.0)));
    let late = python.perform(&sleep(&topic, 4.0, 1, None));
    assert_eq!(late.unwrap_err()["class"], json!("MessagingTimeout"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_10_we_hear_a_python_server() {
    let (broker, topic) = (Broker::shared(), unique("hears"));
    let _python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let call = client.sleep(5.0).timeout(HOUR).call_monitor(2 * SECOND);
    assert_eq!(call.await.unwrap().to_bits(), 5.0_f64.to_bits());
    // Too short for Python, so it is not sent.
    let error = client.sleep(0.0).call_monitor(SECOND).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_python_server_that_is_killed_is_noticed() {
    let (broker, topic) = (Broker::shared(), unique("killed"));
    let python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let call = tokio::spawn(client.sleep(3_000.0).timeout(HOUR).call_monitor(2 * SECOND).into_future());
    tokio::time::sleep(5 * SECOND).await;
    assert!(!call.is_finished(), "it is heard");
    // As SIGKILL does.
    drop(python);
    let since = Instant::now();
    let ended = tokio::time::timeout(10 * SECOND, call).await.expect("it is given up").unwrap();
    let error = ended.unwrap_err();
    assert_eq!(
        (error.code(), error.executed(), error.is_timeout()),
        (Code::Unresponsive, Executed::Unknown, false)
    );
    assert!(since.elapsed() < 3 * SECOND, "{:?}", since.elapsed());
}

/// What a stranger hears of a request by hand, in order, for so long.
async fn heard(
    raw: &RawClient,
    reply_queue: &str,
    request: &Value,
    topic: &str,
    time: Duration,
) -> Vec<Value> {
    let body = Message::new(request.to_string());
    let body = Message { content_type: Some("application/json".into()), ..body };
    assert!(raw.publish("openstack", topic, &body).await);
    tokio::time::sleep(time).await;
    let mut heard = Vec::new();
    while let Some(reply) = raw.get(reply_queue).await {
        let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
        heard.push(serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap());
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_06_10_12_signs_of_life_are_as_pythons_and_end_with_the_method() {
    let (broker, topic) = (Broker::shared(), unique("signs"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let raw = RawClient::connect(&broker.url()).await;
    let reply_queue = format!("reply_{:032x}", std::process::id());
    raw.declare(&reply_queue).await;
    let id = "7c0e7c9d1f5b4c0c9a1ad3b3f6f2f7d1";
    let request = |method: &str, timeout: Value| {
        json!({
            "method": method, "args": { "seconds": 2.6 }, "version": "1.5", "_msg_id": id, "_reply_q": reply_queue,
            "_timeout": timeout, "_unique_id": unique("message"),
        })
    };
    let mut replies = heard(&raw, &reply_queue, &request("sleep", json!(2)), &topic, 5 * SECOND).await;
    let unique_ids: Vec<_> =
        replies.iter_mut().map(|reply| reply["_unique_id"].take().as_str().unwrap().to_owned()).collect();
    let sign = json!({ "result": null, "failure": null, "ending": false, "_msg_id": id, "_unique_id": null });
    let last = json!({ "result": 2.6, "failure": null, "ending": true, "_msg_id": id, "_unique_id": null });
    assert_eq!(replies, [sign.clone(), sign, last]);
    assert!(unique_ids[0] != unique_ids[1] && unique_ids[1] != unique_ids[2], "{unique_ids:?}");

    // A dispatch that failed is over, and who asks for less than 2 s or for nothing hears nothing.
    for (method, timeout) in
        [("nothing", json!(2)), ("sleep", json!(1)), ("sleep", json!(null)), ("sleep", json!("soon"))]
    {
        let replies = heard(&raw, &reply_queue, &request(method, timeout.clone()), &topic, 4 * SECOND).await;
        let ends: Vec<_> = replies.iter().map(|reply| &reply["ending"]).collect();
        assert_eq!(ends, [&json!(true)], "{method} {timeout}: {replies:?}");
    }
    raw.delete_queue(&reply_queue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_caller_who_is_gone_in_a_long_call_harms_nobody() {
    let (broker, topic) = (Broker::shared(), unique("gone"));
    let transport = connect(broker, "").await;
    let server = serve(&transport, &topic, "rust").await;
    let raw = RawClient::connect(&broker.url()).await;
    let request = json!({
        "method": "sleep", "args": { "seconds": 3.5 }, "version": "1.5", "_msg_id": "1", "_timeout": 2,
        "_reply_q": "reply_00000000000000000000000000000000", "_unique_id": unique("message"),
    });
    let body = Message { content_type: Some("application/json".into()), ..Message::new(request.to_string()) };
    assert!(raw.publish("openstack", &topic, &body).await);
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let runs = eventually(async || (server.running() > 0).then_some(())).await;
    assert!(runs.is_some());
    assert_eq!(client.sleep(2.5).call_monitor(2 * SECOND).await.unwrap().to_bits(), 2.5_f64.to_bits());
}
