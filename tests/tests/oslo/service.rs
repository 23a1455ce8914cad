//! The same service as the one in Python, and the ways to serve and to call it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rpc_amqp::{AmqpTransport, PythonException, PythonExceptions};
use rpc_core::message::Failure;
use rpc_core::{Context, Error, Server, ServerBuilder, Target, Value, service};
use serde::{Deserialize, Serialize};
use tests::broker::{Broker, unique};

/// The errors of the service's own.
#[derive(Debug, Deserialize, PartialEq, Serialize, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{1}")]
    Kind(String, String),
    #[error("node {node} is locked")]
    Locked { node: u64 },
}

#[service(version = "1.5")]
pub(crate) trait Peer {
    #[call]
    async fn add(&self, a: i64, b: i64) -> i64;
    #[call]
    async fn echo(&self, value: Value) -> Value;
    #[call]
    async fn whoami(&self) -> String;
    #[call]
    async fn fail(&self, kind: String, message: String) -> Result<(), Failed>;
    #[call]
    async fn context(&self, ctx: &Context) -> BTreeMap<String, Value>;
    #[call]
    async fn sleep(&self, seconds: f64) -> f64;
    #[call]
    async fn panic(&self);
    #[cast]
    async fn append(&self, text: String);
    #[call]
    async fn seen(&self) -> Vec<String>;
}

#[service(namespace = "extra", version = "2.3")]
pub(crate) trait Extra {
    #[call]
    async fn whoami(&self) -> String;
}

struct Served {
    name: String,
    log: Mutex<Vec<String>>,
}

impl Peer for Served {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn echo(&self, value: Value) -> Value {
        value
    }

    async fn whoami(&self) -> String {
        self.name.clone()
    }

    async fn fail(&self, kind: String, message: String) -> Result<(), Failed> {
        Err(Failed::Kind(kind, message))
    }

    async fn context(&self, ctx: &Context) -> BTreeMap<String, Value> {
        let metadata = ctx.metadata.iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        let foreign = ctx.foreign.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        metadata.chain(foreign).chain([("request_id".to_owned(), ctx.request_id.as_str().into())]).collect()
    }

    async fn sleep(&self, seconds: f64) -> f64 {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        seconds
    }

    async fn panic(&self) {
        panic!("asked to");
    }

    async fn append(&self, text: String) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    async fn seen(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Extra for Served {
    async fn whoami(&self) -> String {
        self.name.clone()
    }
}

/// Python's own exceptions by the name that a caller asks for, and one of the Python server as a typed error.
struct Exceptions;

impl PythonExceptions for Exceptions {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        match serde_json::from_slice(&failure.data.body).ok()? {
            Failed::Kind(kind, message) => {
                ["ValueError", "KeyError"].contains(&&*kind).then(|| PythonException::builtin(kind, message))
            }
            Failed::Locked { .. } => None,
        }
    }

    fn caught(&self, exception: &PythonException) -> Option<Value> {
        let node = exception.keyword_arguments.get("node").cloned();
        let is_locked = exception.class == "Locked" && exception.module == "__main__";
        is_locked.then(|| Value::map([("Locked", Value::map([("node", node.unwrap_or_default())]))]))
    }
}

/// A transport on the wire of oslo.messaging, with `options` such as `&durable=true`.
pub(crate) async fn connect(broker: &Broker, options: &str) -> AmqpTransport {
    connect_at(broker, "/", options).await
}

/// As [`connect`], in another vhost.
pub(crate) async fn connect_at(broker: &Broker, vhost: &str, options: &str) -> AmqpTransport {
    AmqpTransport::builder(url_at(broker, vhost, options))
        .python_exceptions(Exceptions)
        .connect()
        .await
        .unwrap()
}

/// The URL of a vhost on the wire of oslo.messaging.
pub(crate) fn url_at(broker: &Broker, vhost: &str, options: &str) -> String {
    format!("{}?wire=oslo{options}", broker.url_for("guest", "guest", vhost))
}

pub(crate) async fn serve(transport: &AmqpTransport, topic: &str, name: &str) -> Server {
    try_serve(transport, topic, name).await.unwrap()
}

/// As [`serve`], where it may fail.
pub(crate) async fn try_serve(transport: &AmqpTransport, topic: &str, name: &str) -> Result<Server, Error> {
    builder(transport, topic, name).start().await
}

/// The server that [`serve`] starts.
pub(crate) fn builder(transport: &AmqpTransport, topic: &str, name: &str) -> ServerBuilder {
    let served = || Served { name: name.to_owned(), log: Mutex::default() };
    Server::builder(transport, Target::topic(topic).server(name))
        .endpoint(PeerEndpoint::new(served()))
        .endpoint(ExtraEndpoint::new(served()))
}

/// A vhost of one's own, where nothing is yet.
pub(crate) fn new_vhost(broker: &Broker) -> String {
    let vhost = unique("vhost");
    broker.ctl(&["add_vhost", &vhost]);
    broker.ctl(&["set_permissions", "--vhost", &vhost, "guest", ".*", ".*", ".*"]);
    vhost
}
