//! The layout to the letter, and what is read of messages that are not quite so. A name begins with the rows of the
//! conformance table that it proves.

mod call_monitor;
mod events;
mod failures;
mod replies;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use proptest::prelude::*;
use rpc_core::message::{
    Asked, Failure, Malformed, Message, NotificationMessage, Outcome, Reply, Request, Traceback,
};
use rpc_core::{
    Code, ContentType, CorrelationId, Deadline, Executed, MessageId, Payload, Priority, ReplyAddress,
    RequestId, TraceContext, Value, Version,
};
use serde_json::json;

use super::super::{Arrived, Exceptions, decode, encode};
use crate::settings::Wire;

const LIMIT: usize = 1_000;
const ADDRESS: &str = "reply_5f0a6b6f2c9e4d56b5c7f4f7e1d2a3b4";
const ID: &str = "7c0e7c9d1f5b4c0c9a1ad3b3f6f2f7d1";

fn payload(json: &str) -> Payload {
    Payload::new(ContentType::Json, Bytes::from(json.to_owned()))
}

fn written(message: impl Into<Message>) -> (BasicProperties, serde_json::Value) {
    let (properties, body) = encode(message.into(), Wire::Oslo, &Exceptions::default()).unwrap();
    let envelope: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((envelope.as_object().unwrap().len(), &envelope["oslo.version"]), (2, &json!("2.0")));
    let message = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    (properties, message)
}

fn json_properties() -> BasicProperties {
    let short = |text: &str| ShortString::try_new(text).unwrap();
    BasicProperties::default()
        .with_content_type(short("application/json"))
        .with_content_encoding(short("utf-8"))
}

fn read_body(body: impl Into<Bytes>) -> Result<Message, Malformed> {
    let properties = json_properties();
    decode(Arrived { properties: &properties, body: body.into(), redelivered: false }, LIMIT)
}

fn read(message: &str) -> Result<Message, Malformed> {
    read_body(json!({ "oslo.version": "2.0", "oslo.message": message }).to_string())
}

fn request(message: &str) -> Request {
    match read(message) {
        Ok(Message::Request(request)) => Arc::unwrap_or_clone(request),
        other => panic!("{message}: {other:?}"),
    }
}

fn reply(message: &str) -> Reply {
    match read(message) {
        Ok(Message::Reply(reply)) => Arc::unwrap_or_clone(reply),
        other => panic!("{message}: {other:?}"),
    }
}

fn call(arguments: &str) -> Request {
    let mut request = Request::new("add", payload(arguments));
    request.reply_to = Some((ReplyAddress::checked_by_transport(ADDRESS), CorrelationId::parse(ID).unwrap()));
    request
}

#[test]
fn rb_14_15_dv_01_02_properties_are_pythons_and_no_other() {
    let short = |text: &str| ShortString::try_new(text).unwrap();
    let plain = json_properties().with_headers(FieldTable::default()).with_delivery_mode(2).with_priority(0);
    assert_eq!(written(Request::new("cast", payload("{}"))).0, plain);
    let mut call = call("{}");
    call.time_to_live = Some(Duration::from_secs(60));
    assert_eq!(written(call).0, plain.clone().with_expiration(short("60000")));
    let mut reply = Reply::new(CorrelationId::parse(ID).unwrap(), Outcome::Success(payload("1")));
    (reply.time_to_live, reply.server) = (Some(Duration::from_secs(9)), Some("s".into()));
    assert_eq!(written(reply).0, plain);
}

#[test]
fn rb_28_a_call_holds_what_python_writes() {
    let mut call = call(r#"{"increment": 2}"#);
    call.namespace = Some("Name1".into());
    call.version = Version::new(7, 5);
    call.context.request_id = RequestId::parse("req-1").unwrap();
    call.context.metadata.insert("user", "bob \"é\"").unwrap();
    call.context.metadata.insert("client_timeout", "5").unwrap();
    call.context.foreign = [("roles".to_owned(), Value::List(vec!["admin".into()]))].into_iter().collect();
    call.context.trace = TraceContext::from_headers(Some("00-1".into()), None, None);
    let unique = call.message_id.as_str().to_owned();
    assert_eq!(
        written(call).1,
        json!({
            "method": "add", "args": { "increment": 2 }, "namespace": "Name1", "version": "7.5",
            "_msg_id": ID, "_reply_q": ADDRESS, "_timeout": null, "_unique_id": unique,
            "_context_request_id": "req-1", "_context_user": "bob \"é\"", "_context_roles": ["admin"],
            "_context_traceparent": "00-1",
        })
    );
}

#[test]
fn dv_08_a_cast_asks_for_no_reply() {
    let (_, cast) = written(Request::new("append", payload("null")));
    let mut keys: Vec<_> = cast.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["_context_request_id", "_unique_id", "args", "method", "version"]);
    assert_eq!(cast["args"], json!({}));
    assert!(request(r#"{"method": "m", "_reply_q": "reply_x"}"#).reply_to.is_none());
}

#[test]
fn arguments_that_python_does_not_take_are_not_sent() {
    let message_pack = Payload::new(ContentType::MessagePack, Bytes::from_static(b"\x80"));
    for arguments in [message_pack, payload("[1]"), payload("{"), payload("NaN")] {
        let error =
            encode(Request::new("m", arguments).into(), Wire::Oslo, &Exceptions::default()).unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent), "{error}");
    }
}

#[test]
fn rb_29_a_hand_made_request_is_understood() {
    let message = json!({
        "method": "add", "args": { "increment": 2 }, "namespace": "Name1", "version": "7.5",
        "_msg_id": ID, "_reply_q": ADDRESS, "_timeout": 5, "_unique_id": "u-1",
        "_context_request_id": "req-1", "_context_user": "bob", "_context_roles": ["admin"], "_context_is_admin": true,
        "_context_project": null, "_context_User Name": "x", "_context_msg_id": "no", "_context_traceparent": "00-1",
    });
    let request = request(&message.to_string());
    assert_eq!((&*request.method, request.namespace.as_deref()), ("add", Some("Name1")));
    assert_eq!((request.version, request.message_id.as_str()), (Version::new(7, 5), "u-1"));
    assert_eq!(request.arguments, payload(r#"{"increment":2}"#));
    assert_eq!(request.call_monitor, Some(Duration::from_secs(5)));
    let (address, id) = request.reply_to.unwrap();
    assert_eq!((address.as_str(), id.as_str()), (ADDRESS, ID));
    let context = request.context;
    assert_eq!((context.request_id.as_str(), context.trace.parent.as_deref()), ("req-1", Some("00-1")));
    assert_eq!(context.metadata.iter().collect::<Vec<_>>(), [("user", "bob")]);
    let foreign: Vec<_> = context.foreign.iter().map(|(name, value)| (name, value.clone())).collect();
    let expected = [
        ("User Name", Value::from("x")),
        ("is_admin", Value::Bool(true)),
        ("project", Value::Null),
        ("roles", Value::List(vec!["admin".into()])),
    ];
    assert_eq!(foreign, expected);
}

#[test]
fn rd_04_what_is_missing_or_null_has_a_meaning() {
    let request =
        request(r#"{"method": "m", "args": null, "namespace": null, "version": null, "_msg_id": null}"#);
    assert_eq!((request.version, request.namespace, request.reply_to), (Version::DEFAULT, None, None));
    assert_eq!(request.arguments, payload("{}"));
    assert!(request.context.deadline.is_none() && request.context.attempt == 1);
}

#[test]
fn dv_02_the_expiry_is_the_deadline() {
    let properties = json_properties().with_expiration(ShortString::try_new("5000").unwrap());
    let body = Bytes::from_static(br#"{"method": "m"}"#);
    let Ok(Message::Request(request)) =
        decode(Arrived { properties: &properties, body, redelivered: true }, LIMIT)
    else {
        panic!("no request")
    };
    let left = request.context.deadline.map(Deadline::remaining).unwrap();
    assert!(left > Duration::from_secs(4) && left <= Duration::from_secs(5), "{left:?}");
    assert_eq!(request.context.attempt, 2);
}

#[test]
fn dv_03_04_envelopes() {
    assert!(matches!(read_body(r#"{"method": "m"}"#), Ok(Message::Request(_))), "none at all");
    assert!(
        matches!(read_body(r#"{"oslo.version": "2.0", "method": "m"}"#), Ok(Message::Request(_))),
        "one key"
    );
    for (version, is_understood) in
        [("2.0", true), ("2.0.0", true), ("1.0", false), ("2.1", false), ("3.0", false), ("two", false)]
    {
        let body = json!({ "oslo.version": version, "oslo.message": r#"{"method": "m"}"# });
        assert_eq!(read_body(body.to_string()).is_ok(), is_understood, "{version}");
    }
    assert!(read_body(r#"{"oslo.version": "2.0", "oslo.message": {"method": "m"}}"#).is_err(), "no text");
}

#[test]
fn dv_05_what_is_no_message_is_refused_by_itself() {
    for body in ["", "{", "[1]", "1", "null", "{}", r#"{"method": 1}"#, r#"{"method": ""}"#, "\u{feff}{}"] {
        assert!(read_body(body.as_bytes().to_vec()).is_err(), "{body:?}");
        assert!(read(body).is_err(), "{body:?}");
    }
    assert!(read_body(&b"{\"method\": \"\xff\"}"[..]).unwrap_err().reason.contains("UTF-8"));
    let too_large = read_body(vec![b' '; 3 * LIMIT + 64 * 1_024]).unwrap_err();
    assert_eq!(too_large.code, Code::TooLarge);
    let mut headers = FieldTable::default();
    headers.insert(ShortString::try_new("compression").unwrap(), AMQPValue::LongString("x".into()));
    let properties = json_properties().with_headers(headers);
    let arrived = Arrived { properties: &properties, body: Bytes::from_static(b"x"), redelivered: false };
    assert!(decode(arrived, LIMIT).unwrap_err().reason.contains("compressed"));
}

#[test]
fn whoever_can_be_told_what_is_wrong_is_told() {
    let told = |rest: &str| {
        let message = format!(r#"{{"_msg_id": "{ID}", "_reply_q": "{ADDRESS}", {rest}}}"#);
        let malformed = read(&message).unwrap_err();
        let (address, id) = malformed.reply_to.clone().expect("nobody is told");
        assert_eq!((address.as_str(), id.as_str()), (ADDRESS, ID));
        malformed
    };
    assert!(told(r#""args": {}"#).reason.contains("method"));
    assert!(told(r#""method": "m", "version": "5""#).reason.contains("\"5\""));
    assert!(told(r#""method": "m", "namespace": 5"#).reason.contains("namespace"));
    let large = "x".repeat(LIMIT);
    assert_eq!(told(&format!(r#""method": "m", "args": {{"a": "{large}"}}"#)).code, Code::TooLarge);
    let nobody = read(&format!(r#"{{"method": "m", "_msg_id": "{ID}"}}"#)).unwrap_err();
    assert!(nobody.reply_to.is_none() && nobody.reason.contains("_reply_q"));
    let refused =
        read(&format!(r#"{{"method": "m", "_msg_id": "{ID}", "_reply_q": "conductor"}}"#)).unwrap_err();
    assert!(refused.reply_to.is_none() && refused.reason.contains("refused"));
    // Even if the message is not read at all.
    let message = format!(r#"{{"args": "", "_msg_id": "{ID}", "_reply_q": "{ADDRESS}"}}"#);
    let huge = message.replacen("\"\"", &format!("\"{}\"", "x".repeat(3 * LIMIT + 64 * 1_024)), 1);
    let no_json = message.replacen("\"\"", "nonsense", 1);
    let other_envelope = json!({ "oslo.version": "3.0", "oslo.message": message }).to_string();
    for (malformed, code) in [
        (read(&huge), Code::TooLarge),
        (read(&no_json), Code::Malformed),
        (read_body(other_envelope), Code::Malformed),
        (read_body([message.as_bytes(), b"\xff"].concat()), Code::Malformed),
    ] {
        let malformed = malformed.unwrap_err();
        assert_eq!((malformed.code, malformed.reply_to.is_some()), (code, true), "{malformed:?}");
    }
}

#[test]
fn dv_30_31_32_what_python_takes_for_json_is_understood() {
    let arguments = |json: &str| {
        let request =
            request(&format!(r#"{{"method": "m", "args": {{"a": {json}}}, "_context_a": {json}}}"#));
        let map: Value = serde_json::from_slice(&request.arguments.body).unwrap();
        let Value::Map(map) = map else { panic!("{map:?}") };
        map["a"].clone()
    };
    assert_eq!(arguments("[NaN, -Infinity]"), Value::List(vec![Value::Null, Value::Null]));
    assert_eq!(arguments(r#""\ud800x""#), Value::from("\u{fffd}x"));
    assert_eq!(arguments("1180591620717411303424"), Value::Float(1_180_591_620_717_411_303_424.0));
    assert_eq!(arguments(&"9".repeat(400)), Value::Null);
    // Beside the envelope, too, and without one.
    let body = r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"m\"}", "x": NaN}"#;
    assert!(matches!(read_body(body), Ok(Message::Request(_))));
    assert!(matches!(read_body(r#"{"method": "m", "args": {"a": NaN}}"#), Ok(Message::Request(_))));
    // Of two keys the last one counts, as in Python.
    assert_eq!(&*request(r#"{"method": "a", "method": "b"}"#).method, "b");
}

#[test]
fn dv_34_what_python_adds_to_a_context_is_left_out() {
    let request = request(
        r#"{"method": "m", "_context_client_timeout": 5, "_context_reply_q": "q", "_context_anything": {"a": 1}}"#,
    );
    assert!(request.context.metadata.is_empty());
    assert_eq!(request.context.foreign.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["anything"]);
}

#[test]
fn the_wires_are_told_apart_message_by_message() {
    let native = Reply::new(CorrelationId::parse(ID).unwrap(), Outcome::Success(payload("1")));
    let (properties, body) = encode(native.into(), Wire::Native, &Exceptions::default()).unwrap();
    let arrived = Arrived { properties: &properties, body, redelivered: false };
    assert!(matches!(decode(arrived, LIMIT), Ok(Message::Reply(_))));
    // JSON without a type, from a client of the native wire that forgot it.
    let properties = json_properties().with_reply_to(ShortString::try_new("reply.a.b").unwrap());
    let arrived = Arrived { properties: &properties, body: Bytes::from_static(b"{}"), redelivered: false };
    assert!(decode(arrived, LIMIT).unwrap_err().reason.contains("reply address"));
}

proptest! {
    #[test]
    fn requests_survive(
        method in "\\PC{1,20}", namespace in prop::option::of("\\PC{1,10}"), (major, minor) in any::<(u32, u32)>(),
        text in "\\PC{0,40}", number: i64, user in "\\PC{0,30}", is_call: bool,
    ) {
        let mut request = call(&json!({ "text": text, "number": number }).to_string());
        request.method = method.into();
        request.namespace = namespace.map(Into::into);
        request.version = Version::new(major, minor);
        request.context.metadata.insert("user", user).unwrap();
        if !is_call {
            request.reply_to = None;
        }
        let (properties, body) = encode(request.clone().into(), Wire::Oslo, &Exceptions::default()).unwrap();
        let arrived = Arrived { properties: &properties, body, redelivered: false };
        let Ok(Message::Request(read)) = decode(arrived, LIMIT) else { panic!("no request") };
        prop_assert_eq!((&read.method, &read.namespace), (&request.method, &request.namespace));
        prop_assert_eq!((read.version, &read.arguments), (request.version, &request.arguments));
        prop_assert_eq!((&read.message_id, &read.reply_to), (&request.message_id, &request.reply_to));
        prop_assert_eq!(&read.context.metadata, &request.context.metadata);
        prop_assert_eq!(&read.context.request_id, &request.context.request_id);
    }

    #[test]
    fn no_body_panics(body in "[\\PC{}\"\\\\:,]{0,80}", message in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = (read_body(body.clone()), read(&body), read_body(message));
    }

    #[test]
    fn no_key_of_any_type_panics(
        key in "method|args|namespace|version|_msg_id|_reply_q|_unique_id|_context_a|result|failure|ending|_timeout|payload|priority",
        value in prop_oneof![Just("null"), Just("1"), Just("[]"), Just("{}"), Just("\"\""), Just("true"), Just("-1.5")],
        other in "method|result|event_type",
    ) {
        let _ = read(&format!(r#"{{"{other}": "m", "{key}": {value}}}"#));
    }
}
