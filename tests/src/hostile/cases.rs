//! The tables: what is published, and the code that it has to end with.
//!
//! A request goes to the service [`Counter`](super::Counter).

use super::Message;
use serde::Serialize;
use serde_json::json;

const NAMESPACE: &str = "counting";
const VERSION: &str = "1.0";

/// The largest body that a server takes unless it is told otherwise: 4 MiB.
const LARGEST: usize = 4 * 1_024 * 1_024;
const DEEP: usize = 100_000;

/// A message and what it has to end with.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What is wrong with it.
    pub name: &'a str,
    /// What is published.
    pub request: Message,
    /// The code of the answer, and of the dead letter.
    pub code: &'a str,
}

const fn case(name: &'static str, code: &'static str, request: Message) -> Case<'static> {
    Case { name, request, code }
}

/// `add` with these bytes for arguments.
#[must_use]
pub fn add(body: impl Into<Vec<u8>>) -> Message {
    Message::request("add", body).with_header("namespace", NAMESPACE).with_header("version", VERSION)
}

/// `add` as it should be.
#[must_use]
pub fn good_call() -> Message {
    add(encode(&json!({ "left": 1, "right": 2 })))
}

/// Bad, with everything that an answer needs. Published as a call, the sender is told; published as a cast, the
/// message is kept.
#[must_use]
pub fn refused() -> Vec<Case<'static>> {
    [bodies(), shapes(), nested(), large(), unserved(), envelopes()].concat()
}

/// The body is not what it says it is.
#[must_use]
pub fn bodies() -> Vec<Case<'static>> {
    let good = good_call;
    vec![
        case("empty body", "malformed", add([])),
        case("random bytes", "malformed", add(*b"\xc1\x9f\x13\x37\xde\xad\xbe\xef\x00\x01")),
        case("truncated body", "malformed", add(truncated(&good()))),
        case("bytes after the end", "malformed", add([good().body, vec![0]].concat())),
        case("length of 4 GiB", "malformed", add(*b"\xdd\xff\xff\xff\xff")),
        case("map of 4 GiB", "malformed", add(*b"\xdf\xff\xff\xff\xff\xa4left\x01")),
        case("JSON that is MessagePack", "malformed", json_text(good().body)),
        case("MessagePack that is JSON", "malformed", add(*br#"{"left":1,"right":2}"#)),
        case("JSON that is not UTF-8", "malformed", json_text(*b"{\"left\":1,\"\xff\":2}")),
    ]
}

/// The arguments are others.
#[must_use]
pub fn shapes() -> Vec<Case<'static>> {
    let arguments = |value: serde_json::Value| add(encode(&value));
    vec![
        case("a list of arguments", "invalid_arguments", arguments(json!(["left", "right", 3]))),
        case("no map", "invalid_arguments", arguments(json!(7))),
        case("wrong type", "invalid_arguments", arguments(json!({ "left": "one", "right": 2 }))),
        case("a fraction", "invalid_arguments", arguments(json!({ "left": 1.5, "right": 2 }))),
        case("out of range", "invalid_arguments", arguments(json!({ "left": u64::MAX, "right": 2 }))),
        case("null", "invalid_arguments", arguments(json!({ "left": null, "right": 2 }))),
        case("missing argument", "invalid_arguments", arguments(json!({ "left": 1 }))),
        case("no argument", "invalid_arguments", arguments(json!({}))),
        case("extra argument", "invalid_arguments", arguments(json!({ "left": 1, "right": 2, "force": 3 }))),
        case("argument twice", "invalid_arguments", json_text(*br#"{"left":1,"left":1,"right":2}"#)),
    ]
}

/// Lists in lists, and maps in maps.
#[must_use]
pub fn nested() -> Vec<Case<'static>> {
    vec![
        case("MessagePack lists in lists", "malformed", keep(nested_lists())),
        case("MessagePack maps in maps", "malformed", keep(nested_maps())),
        case("JSON lists in lists", "malformed", keep_json("[", "]")),
        case("JSON maps in maps", "malformed", keep_json(r#"{"a":"#, "0}")),
        case("JSON that never closes", "malformed", keep_json("[", "")),
    ]
}

/// More than a server takes.
#[must_use]
pub fn large() -> Vec<Case<'static>> {
    vec![
        case("one byte above 4 MiB", "too_large", add(vec![0; LARGEST + 1])),
        case("12 MiB", "too_large", add(vec![0x90; 3 * LARGEST])),
    ]
}

/// Nobody serves it.
#[must_use]
pub fn unserved() -> Vec<Case<'static>> {
    let good = good_call;
    vec![
        case("unknown method", "no_such_method", good().with_header("method", "subtract")),
        case("method of another case", "no_such_method", good().with_header("method", "Add")),
        case("method that looks private", "no_such_method", good().with_header("method", "_add")),
        case("method of Rust", "no_such_method", good().with_header("method", "clone")),
        case("method with a path", "no_such_method", good().with_header("method", "counter::add")),
        case("endless method", "no_such_method", good().with_header("method", &"m".repeat(60_000))),
        case("unknown namespace", "unsupported_version", good().with_header("namespace", "counting2")),
        case("no namespace", "unsupported_version", good().without_header("namespace")),
        case("next minor version", "unsupported_version", good().with_header("version", "1.3")),
        case("next major version", "unsupported_version", good().with_header("version", "2.0")),
        case("no version at all", "malformed", good().with_header("version", "latest")),
        case("a version too large", "malformed", good().with_header("version", "1.99999999999")),
    ]
}

/// The envelope is wrong.
#[must_use]
pub fn envelopes() -> Vec<Case<'static>> {
    let good = good_call;
    vec![
        case("no method", "malformed", good().without_header("method")),
        case("empty method", "malformed", good().with_header("method", "")),
        case("no type", "malformed", Message { kind: None, ..good() }),
        case("unknown type", "malformed", of_kind("command")),
        case("a reply", "malformed", of_kind("reply")),
        case("a notification", "malformed", of_kind("notification")),
        case("unknown content type", "malformed", of_type("text/plain")),
        case("content type that names code", "malformed", of_type("application/x-python-serialize")),
        case("unknown compression", "malformed", compressed("gzip")),
        case("compression that is none", "malformed", compressed("zstd")),
    ]
}

/// Bad, and the sender cannot be told: the message is kept.
#[must_use]
pub fn unanswerable() -> Vec<Case<'static>> {
    let case = |name, request| case(name, "malformed", request);
    let legal = "reply.raw.0123456789abcdef0123456789abcdef";
    let nameless = Message { message_id: None, ..good_call() };
    let correlated = |id: &str| Message { correlation_id: Some(id.into()), ..good_call() };
    vec![
        case("nothing at all", Message::default()),
        case("only a body", Message::new("hello")),
        case("reply address without any id", Message { reply_to: Some(legal.into()), ..nameless }),
        // An answer to an answer would be the start of a conversation.
        case("a reply", of_kind("reply").with_header("status", "ok").answered_at(legal, "0")),
        case("correlation id without reply address", correlated("1")),
        case("empty reply address", Message { reply_to: Some(String::new()), ..correlated("2") }),
    ]
}

/// Reply addresses that a server must not publish to.
#[must_use]
pub fn hostile_addresses(request_queue: &str) -> Vec<String> {
    let secret = "0123456789abcdef0123456789abcdef";
    let mut addresses = vec![
        request_queue.to_owned(),
        request_queue.replacen("rpc.", "x.", 1),
        request_queue.replacen("rpc.", "dlq.", 1),
        "victim".to_owned(),
        " ".to_owned(),
        "reply".to_owned(),
        "reply.".to_owned(),
        format!("reply.{secret}"),
        format!("reply..{secret}"),
        format!("REPLY.victim.{secret}"),
        format!("reply.victim.{}", secret.to_uppercase()),
        format!("reply.victim.{}", &secret[1..]),
        format!("reply.victim.{secret}0"),
        format!("reply.victim.{secret}.more"),
        format!("reply.victim.{secret}\n"),
        format!(" reply.victim.{secret}"),
        format!("reply.vic tim.{secret}"),
        format!("reply.víctim.{secret}"),
        format!("reply.victim#.{secret}"),
        format!("reply.*.{secret}"),
        format!("reply.a/b.{secret}"),
        format!("reply.{}.{secret}", "v".repeat(65)),
        "v".repeat(255),
        "../../etc/passwd".to_owned(),
        "amqp://guest:guest@example.invalid/%2f".to_owned(),
        "direct://exchange/key".to_owned(),
        "notify.victim.info".to_owned(),
        "fan.victim.one.0".to_owned(),
        "amq.gen-0123456789abcdef012345".to_owned(),
        "amq.direct".to_owned(),
    ];
    addresses.dedup();
    addresses
}

/// MessagePack, maps by name.
///
/// # Panics
///
/// When the value has no such form.
#[must_use]
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

fn truncated(request: &Message) -> &[u8] {
    &request.body[..request.body.len() - 1]
}

fn json_text(body: impl Into<Vec<u8>>) -> Message {
    Message { content_type: Some("application/json".into()), ..add(body) }
}

/// A call of `keep`, which takes a value of any shape.
fn keep(record: Vec<u8>) -> Message {
    // A map of one pair whose key is a text of six bytes.
    add([b"\x81\xa6record".to_vec(), record].concat()).with_header("method", "keep")
}

fn nested_lists() -> Vec<u8> {
    [vec![0x91; DEEP], vec![0xc0]].concat()
}

fn nested_maps() -> Vec<u8> {
    [b"\x81\xa1a".repeat(DEEP), vec![0xc0]].concat()
}

fn keep_json(open: &str, close: &str) -> Message {
    let record = [open.repeat(DEEP), close.repeat(DEEP)].concat();
    json_text(format!(r#"{{"record":{record}}}"#)).with_header("method", "keep")
}

fn of_kind(kind: &str) -> Message {
    Message { kind: Some(kind.into()), ..good_call() }
}

fn of_type(content_type: &str) -> Message {
    Message { content_type: Some(content_type.into()), ..good_call() }
}

fn compressed(encoding: &str) -> Message {
    Message { content_encoding: Some(encoding.into()), ..good_call() }
}
