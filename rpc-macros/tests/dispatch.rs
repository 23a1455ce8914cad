//! A generated endpoint, driven by hand.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::sync::Arc;

use rpc_core::codec;
use rpc_core::{
    Code, ContentType, Context, Endpoint, Interface, Invocation, MethodKind, Outcome, Payload, Version,
};
use rpc_macros::service;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a node was not switched.
#[derive(Debug, Deserialize, Serialize, thiserror::Error)]
enum PowerError {
    #[error("node {0} is locked")]
    Locked(u64),
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
enum Power {
    On,
    #[default]
    Off,
}

/// Drives the hardware of one cell.
///
/// All of it.
#[service(namespace = "baremetal", version = "1.2")]
trait Conductor {
    /// Switches a node.
    #[call(timeout = "1m 30s", call_monitor = "10s", idempotent, since = "1.1")]
    async fn change_power(
        &self,
        ctx: &Context,
        node: u64,
        #[default] to: Power,
        #[default(vec![usual(); 2])] r#type: Vec<u8>,
    ) -> Result<(Power, Vec<u8>), PowerError>;
    #[call(uncancellable)]
    async fn attempt(&self, ctx: &Context) -> u32;
    #[call]
    async fn remembered(&self, node: Option<u64>) -> Option<u64>;
    #[cast]
    async fn sync_power(&self, node: u64);
    #[fanout(since = "1.2")]
    async fn flush_cache(&self);
}

fn usual() -> u8 {
    7
}

struct Manager;

impl Conductor for Manager {
    async fn change_power(
        &self,
        _: &Context,
        node: u64,
        to: Power,
        r#type: Vec<u8>,
    ) -> Result<(Power, Vec<u8>), PowerError> {
        tokio::task::yield_now().await;
        if node == 13 { Err(PowerError::Locked(node)) } else { Ok((to, r#type)) }
    }
    async fn attempt(&self, ctx: &Context) -> u32 {
        ctx.attempt
    }
    async fn remembered(&self, node: Option<u64>) -> Option<u64> {
        node
    }
    async fn sync_power(&self, _: u64) {}
    async fn flush_cache(&self) {}
}

/// Runs the method `name` in both encodings and returns what both brought.
async fn run(name: &str, arguments: Value) -> Result<Value, (Code, String, Option<String>, Option<Value>)> {
    let endpoint = Manager.into_endpoint();
    let methods = endpoint.interface().methods;
    let index = methods.iter().position(|method| method.name == name).unwrap();
    let mut results = Vec::new();
    for &content_type in ContentType::ALL {
        let arguments = codec::encode(content_type, &arguments).unwrap();
        let mut context = Context::new();
        context.attempt = 3;
        let outcome = endpoint.dispatch(index, Invocation::new(Arc::new(context), arguments)).await;
        results.push(match outcome {
            Outcome::Success(payload) => Ok(decode(&payload)),
            Outcome::Failure(failure) => {
                let data = failure.error_type.is_some().then(|| decode(&failure.data));
                Err((failure.code, failure.message, failure.error_type.map(String::from), data))
            }
        });
    }
    let json = results.pop().unwrap();
    let message_pack = results.pop().unwrap();
    match (&json, &message_pack) {
        (Err(left), Err(right)) => assert_eq!(left.0, right.0),
        _ => assert_eq!(json, message_pack),
    }
    json
}

fn decode(payload: &Payload) -> Value {
    codec::decode(payload).unwrap()
}

/// The message of arguments that were refused.
async fn refused(name: &str, arguments: Value) -> String {
    let (code, message, ..) = run(name, arguments).await.unwrap_err();
    assert_eq!(code, Code::InvalidArguments);
    message
}

#[tokio::test]
async fn a_method_gets_its_arguments_by_name() {
    let arguments = json!({ "type": [1], "to": "On", "node": 4 });
    assert_eq!(run("change_power", arguments).await, Ok(json!(["On", [1]])));
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    assert_eq!(run("change_power", json!({ "node": 4 })).await, Ok(json!(["Off", [7, 7]])));
    assert_eq!(run("remembered", json!({})).await, Ok(Value::Null));
}

#[tokio::test]
async fn what_has_no_default_is_required() {
    assert!(refused("change_power", json!({ "to": "On" })).await.contains("`node`"));
}

#[tokio::test]
async fn an_unknown_argument_is_refused_by_name() {
    assert!(refused("change_power", json!({ "node": 4, "force": true })).await.contains("`force`"));
    assert!(refused("flush_cache", json!({ "force": true })).await.contains("`force`"));
}

#[tokio::test]
async fn an_argument_of_another_type_is_refused_by_name() {
    let message = refused("change_power", json!({ "node": 4, "type": "many" })).await;
    assert!(message.contains("type: invalid type: string \"many\""), "{message}");
    let message = refused("change_power", json!(4)).await;
    assert!(message.contains("a map with the arguments of `change_power`"), "{message}");
}

#[tokio::test]
async fn the_error_of_the_service_travels_as_data() {
    let expected = (
        Code::ServiceError,
        "node 13 is locked".to_owned(),
        Some("PowerError".to_owned()),
        Some(json!({ "Locked": 13 })),
    );
    assert_eq!(run("change_power", json!({ "node": 13 })).await, Err(expected));
}

#[tokio::test]
async fn rd_19_no_arguments_and_no_result_are_an_empty_map_and_nothing() {
    assert_eq!(run("flush_cache", json!({})).await, Ok(Value::Null));
    assert_eq!(run("sync_power", json!({ "node": 1 })).await, Ok(Value::Null));
}

#[tokio::test]
async fn rd_20_the_context_is_that_of_the_request() {
    assert_eq!(run("attempt", json!({})).await, Ok(json!(3)));
}

#[tokio::test]
async fn a_number_out_of_bounds_is_no_panic() {
    let arguments = codec::encode(ContentType::Json, &json!({})).unwrap();
    let invocation = Invocation::new(Arc::new(Context::new()), arguments);
    let outcome = ConductorEndpoint::new(Manager).dispatch(5, invocation).await;
    assert!(matches!(outcome, Outcome::Failure(failure) if failure.code == Code::NoSuchMethod));
}

#[test]
fn rs_24_the_interface_tells_what_the_trait_says() {
    let interface = ConductorClient::INTERFACE;
    assert_eq!((interface.name, interface.namespace), ("Conductor", Some("baremetal")));
    assert_eq!(interface.version, Version::new(1, 2));
    assert_eq!(interface.docs, "Drives the hardware of one cell.\n\nAll of it.");
    let methods: Vec<_> = interface.methods.iter().map(|method| (method.name, method.kind)).collect();
    assert_eq!(
        methods,
        [
            ("change_power", MethodKind::Call),
            ("attempt", MethodKind::Call),
            ("remembered", MethodKind::Call),
            ("sync_power", MethodKind::Cast),
            ("flush_cache", MethodKind::Fanout)
        ]
    );
    let change_power = interface.methods[0];
    assert_eq!(change_power.since, Version::new(1, 1));
    assert_eq!(change_power.timeout.map(|timeout| timeout.as_secs()), Some(90));
    assert_eq!(change_power.call_monitor.map(|silence| silence.as_secs()), Some(10));
    assert!(change_power.idempotent && !change_power.at_most_once);
    assert!(!change_power.uncancellable && interface.methods[1].uncancellable);
    assert_eq!(change_power.docs, "Switches a node.");
    let arguments = change_power.arguments.iter();
    let arguments: Vec<_> =
        arguments.map(|argument| (argument.name, argument.type_name, argument.has_default)).collect();
    assert_eq!(arguments, [("node", "u64", false), ("to", "Power", true), ("type", "Vec<u8>", true)]);
    let attempt = interface.methods[1];
    assert_eq!((attempt.since, attempt.idempotent), (Version::new(1, 0), false));
    assert_eq!((attempt.timeout, attempt.call_monitor), (None, None));
    assert!(interface.methods[2].arguments[0].has_default, "an `Option` may always be left out");
}

#[test]
fn endpoints_share_their_service() {
    let manager = Arc::new(Manager);
    let endpoint = ConductorEndpoint::from_shared(Arc::clone(&manager));
    let other = endpoint.clone();
    assert_eq!(Arc::strong_count(&manager), 3);
    drop(endpoint);
    assert_eq!(format!("{other:?}"), "ConductorEndpoint { .. }");
}

#[service]
trait Plain {}

struct Idle;

impl Plain for Idle {}

#[test]
fn an_interface_without_settings_has_the_defaults() {
    let interface = Idle.into_endpoint().interface();
    assert_eq!(interface, Interface::new("Plain").with_version(Version::DEFAULT));
}
