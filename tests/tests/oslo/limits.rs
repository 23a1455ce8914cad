//! What one side sends and the other does not take: whoever waits is told at once.

use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{CallError, Client, Code, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};

use crate::python::Python;
use crate::service::{serve, url_at};

/// What our side takes.
const LIMIT: usize = 1_000;
/// So much that it is not even read.
const HUGE: usize = 3 * LIMIT + 64 * 1_024;
/// Far sooner than any timeout.
const SOON: Duration = Duration::from_secs(5);

async fn connect() -> AmqpTransport {
    let url = url_at(Broker::shared(), "/", "");
    AmqpTransport::builder(url).max_message_size(LIMIT).connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn python_is_told_that_its_arguments_are_too_large() {
    let (broker, topic) = (Broker::shared(), unique("large"));
    let transport = connect().await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    let mut echo = |length: usize| {
        let value = "x".repeat(length);
        python.perform(&json!({
            "op": "call", "topic": topic, "method": "echo", "args": { "value": value }, "timeout": 30,
            // Behind the arguments, as Python writes it.
            "context": { "user": "bob", "_msg_id": "none" },
        }))
    };
    for length in [LIMIT, HUGE] {
        let since = Instant::now();
        let error = echo(length).unwrap_err();
        assert_eq!(
            (&error["class"], &error["remote"]),
            (&json!("RemoteError"), &json!("TooLarge")),
            "{error}"
        );
        assert!(since.elapsed() < SOON, "{length}: {:?}", since.elapsed());
    }
    assert_eq!(echo(10), Ok(json!("x".repeat(10))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_call_is_told_that_the_answer_of_python_is_too_large() {
    let (broker, topic) = (Broker::shared(), unique("large"));
    let _python = Python::server(broker, "", &topic, "python");
    let transport = connect().await;
    let client = Client::new(&transport, Target::topic(&*topic));
    for length in [LIMIT, HUGE] {
        let since = Instant::now();
        let arguments = Value::map([("length", i64::try_from(length).unwrap())]);
        let error = client.call("large", &arguments).timeout(Duration::from_secs(30)).await.unwrap_err();
        let CallError::Rpc(error) = error else { panic!("{error:?}") };
        assert_eq!(error.code(), Code::TooLarge, "{error}");
        assert!(since.elapsed() < SOON, "{length}: {:?}", since.elapsed());
    }
    assert_eq!(client.call("whoami", &()).await.unwrap(), "python".into());
}
