//! Nothing that a stranger publishes to a reply queue stops a client, or ends another call than its own.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{CallError, Client, Code, Executed, ServiceFailure, Target, Value};
use tests::broker::{Broker, unique};
use tests::raw::{Message, RawClient};

use crate::service::{connect, endpoint};

/// A client whose requests a stranger takes from the queue.
struct Scene {
    client: Client,
    transport: AmqpTransport,
    stranger: RawClient,
    queue: String,
}

type Calling = tokio::task::JoinHandle<Result<Value, CallError<ServiceFailure>>>;

impl Scene {
    async fn new() -> Self {
        let broker = Broker::shared();
        let (transport, exchange) = (connect(broker).await, unique("bad-replies"));
        let target = Target::topic("absent").exchange(&exchange);
        // A server that was here once has left its queue.
        let server = rpc_core::Server::builder(&transport, target.clone()).endpoint(endpoint());
        server.start().await.unwrap().shutdown(Duration::ZERO).await;
        let client = Client::new(&transport, target);
        let stranger = RawClient::connect(&broker.url()).await;
        Self { client, transport, stranger, queue: format!("rpc.{exchange}.absent") }
    }

    /// A call that waits, with what the stranger needs to answer it.
    async fn call(&self) -> (Calling, Message) {
        let call = self.client.call("square", &Value::map([("number", 1)])).timeout(Duration::from_secs(10));
        let calling = tokio::spawn(call.into_future());
        (calling, self.stranger.take(&self.queue).await)
    }

    async fn answer(&self, request: &Message, reply: Message) {
        let address = request.reply_to.clone().unwrap();
        let correlation_id = reply.correlation_id.clone().or_else(|| request.correlation_id.clone());
        let reply = Message { correlation_id, ..reply };
        assert!(self.stranger.publish("", &address, &reply).await, "the client listens");
    }
}

fn reply(body: impl Into<Vec<u8>>) -> Message {
    let plain = Message::new(body).with_header("status", "ok");
    Message { kind: Some("reply".into()), content_type: Some("application/msgpack".into()), ..plain }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_reply_ends_its_own_call_with_a_typed_error() {
    let scene = Scene::new().await;
    let (executed, unknown) = (Executed::Executed, Executed::Unknown);
    let failed = |code: &str| reply([]).with_header("status", "error").with_header("code", code);
    let cases = [
        ("over the limit", reply(vec![0; 5 << 20]), Code::TooLarge, unknown),
        ("no status", reply([1]).without_header("status"), Code::Malformed, unknown),
        ("unknown status", reply([1]).with_header("status", "maybe"), Code::Malformed, unknown),
        (
            "unknown content type",
            Message { content_type: Some("text/html".into()), ..reply([1]) },
            Code::Malformed,
            unknown,
        ),
        ("empty body", reply([]), Code::Malformed, executed),
        ("random bytes", reply(*b"\xc1\xde\xad\xbe\xef"), Code::Malformed, executed),
        ("nested", reply([vec![0x91; 100_000], vec![0xc0]].concat()), Code::Malformed, executed),
        (
            "damaged zstd",
            Message { content_encoding: Some("zstd".into()), ..reply([1]) },
            Code::Malformed,
            executed,
        ),
        ("unknown code", failed("on_fire"), Code::RemoteError, executed),
        ("a failure without data", failed("overloaded"), Code::Overloaded, Executed::NotSent),
    ];
    for (name, answer, code, executed) in cases {
        let (calling, request) = scene.call().await;
        scene.answer(&request, answer).await;
        let error = calling.await.unwrap().expect_err(name);
        assert_eq!((error.code(), error.executed()), (code, executed), "{name}: {error}");
    }
    let (calling, request) = scene.call().await;
    scene.answer(&request, reply([7])).await;
    assert_eq!(calling.await.unwrap().unwrap(), Value::from(7), "and a good reply arrives");
    assert_eq!(scene.transport.as_ref().pending_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_foreign_and_doubled_replies_end_no_call() {
    let scene = Scene::new().await;
    let (calling, request) = scene.call().await;
    let strangers = [
        Message { correlation_id: Some("0".repeat(32)), ..reply([6]) },
        Message { correlation_id: Some("not one of ours".into()), ..reply([6]) },
        Message { kind: Some("request".into()), ..reply([6]) },
        Message { kind: Some("notification".into()), ..reply([6]) },
        Message { kind: None, ..reply([6]) },
    ];
    let count = strangers.len() as u64;
    for message in strangers {
        scene.answer(&request, message).await;
    }
    assert!(!calling.is_finished());
    scene.answer(&request, reply([7])).await;
    assert_eq!(calling.await.unwrap().unwrap(), Value::from(7));

    let (other, next) = scene.call().await;
    scene.answer(&request, reply([6])).await;
    scene.answer(&next, reply([8])).await;
    assert_eq!(other.await.unwrap().unwrap(), Value::from(8));
    assert_eq!(scene.transport.as_ref().orphan_replies(), count + 1);
}
