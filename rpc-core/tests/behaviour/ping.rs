//! The ping of oslo.messaging, and its way to try a method.

use rpc_core::{Client, Code, MemoryTransport, Server, Value};

use crate::lines::Lines;
use crate::support::{WorkClient, Worker, builder, one_server, settle, target};

const PING: &str = "oslo_rpc_server_ping";

#[tokio::test(start_paused = true)]
async fn rd_17_a_server_answers_a_ping_if_it_was_told_to() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let client = Client::new(&transport, target());
    let silent = builder(transport.as_ref(), "a", &worker).start().await.unwrap();
    assert_eq!(client.call(PING, &()).await.unwrap_err().code(), Code::NoSuchMethod);
    drop(silent);
    settle().await;

    let _server = builder(transport.as_ref(), "a", &worker).ping(true).start().await.unwrap();
    assert_eq!(client.call(PING, &()).await.unwrap(), Value::from("pong"));
    assert_eq!(client.call(PING, &Value::map([("anything", 1_i64)])).await.unwrap(), Value::from("pong"));
    let elsewhere = client.prepare(|settings| settings.namespace("extra"));
    assert_eq!(elsewhere.call(PING, &()).await.unwrap_err().code(), Code::UnsupportedVersion);
    assert_eq!(WorkClient::new(&transport, target()).double(2).await.unwrap(), 4);
}

#[rpc_core::service(version = "1.3")]
trait Own {
    #[call]
    async fn oslo_rpc_server_ping(&self) -> String;
}

struct Served;

impl Own for Served {
    async fn oslo_rpc_server_ping(&self) -> String {
        "mine".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn rd_18_a_ping_of_the_users_own_stays() {
    let transport = MemoryTransport::new();
    let server = Server::builder(&transport, target()).endpoint(Served.into_endpoint()).ping(true);
    let _server = server.start().await.unwrap();
    let client = Client::new(&transport, target());
    assert_eq!(client.call(PING, &()).await.unwrap(), Value::from("mine"));
}

#[tokio::test(start_paused = true)]
async fn dv_29_a_method_that_is_only_tried_is_no_error() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.subscriber());
    let (_, _, server, transport) = one_server().await;
    let untyped = Client::new(&transport, target());
    untyped.cast("tell_ignore_errors", &()).await.unwrap();
    let error = untyped.call("ask_ignore_errors", &()).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSuchMethod, "who waits is told");
    settle().await;
    assert_eq!((server.rejected(), transport.broker().dead_letters().len()), (1, 1));
    let complains = || lines.text().lines().any(|line| line.contains("WARN") || line.contains("ERROR"));
    assert!(!complains(), "{}", lines.text());

    untyped.cast("no_such", &()).await.unwrap();
    settle().await;
    assert!(complains(), "{}", lines.text());
}
