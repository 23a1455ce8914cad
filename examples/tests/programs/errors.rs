//! How calls fail, and whom that harms: nobody.

use serde_json::{Value, json};
use tests::broker::unique;

use crate::program::{Client, call, server};

#[test]
fn every_way_to_fail_has_its_code() {
    let (topic, mut client) = (unique("errors"), Client::start());
    let _server = server(&topic, "a");
    let with = |method: &str, args: Value, more: Value| {
        let mut operation = call(&topic, None, method, args);
        operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        operation
    };
    let cases = [
        (with("panic", json!({}), json!({})), "panicked", "executed", false),
        (
            with("sleep", json!({"seconds": 5.0}), json!({"timeout": 0.3})),
            "deadline_exceeded",
            "unknown",
            true,
        ),
        (with("blob", json!({"size": 10 << 20}), json!({})), "too_large", "executed", false),
        (with("echo", json!({"value": "x".repeat(5 << 20)}), json!({})), "too_large", "not_sent", false),
        (with("missing", json!({}), json!({})), "no_such_method", "not_sent", false),
        (with("whoami", json!({}), json!({"version": "1.6"})), "unsupported_version", "not_sent", false),
        (with("whoami", json!({}), json!({"version": "2.0"})), "unsupported_version", "not_sent", false),
        (with("whoami", json!({}), json!({"namespace": "none"})), "unsupported_version", "not_sent", false),
        (with("add", json!({"a": 1}), json!({})), "invalid_arguments", "not_sent", false),
        (with("add", json!({"a": 1, "b": 2, "c": 3}), json!({})), "invalid_arguments", "not_sent", false),
        (with("add", json!({"a": 1, "b": "two"}), json!({})), "invalid_arguments", "not_sent", false),
        (with("whoami", json!({}), json!({"topic": unique("nobody")})), "unroutable", "not_sent", true),
        (with("whoami", json!({}), json!({"server": "nobody"})), "unroutable", "not_sent", true),
    ];
    let sent: Vec<_> = cases
        .map(|(operation, code, executed, retryable)| {
            (client.send(operation), json!({"code": code, "executed": executed, "retryable": retryable}))
        })
        .into();
    for (id, expected) in sent {
        let mut error = client.answer(id)["error"].take();
        let message = error.as_object_mut().unwrap().remove("message").unwrap();
        assert_eq!(error, expected, "{message}");
    }
    assert_eq!(client.call(&topic, None, "add", json!({"a": 1, "b": 2})), json!(3), "it serves on");
    assert_eq!(client.perform(json!({"op": "stats"}))["ok"]["pending_calls"], json!(0));
}

#[test]
fn a_service_error_carries_its_data() {
    let (topic, mut client) = (unique("fail"), Client::start());
    let _server = server(&topic, "a");
    let data = json!({"kind": "Locked", "message": "node 7"});
    let error = client.perform(call(&topic, None, "fail", data.clone()))["error"].take();
    assert_eq!(
        (&error["code"], &error["executed"], &error["data"]),
        (&json!("service_error"), &json!("executed"), &data)
    );
    assert_eq!((&error["message"], &error["type"]), (&json!("Locked: node 7"), &json!("Failed")));
}

#[test]
fn values_and_metadata_arrive_as_they_were_sent() {
    let (topic, mut client) = (unique("values"), Client::start());
    let _server = server(&topic, "a");
    let value =
        json!({"list": [null, true, -1, 18_446_744_073_709_551_615_u64, 1.5, "ü\u{1f980}"], "empty": {}});
    assert_eq!(client.call(&topic, None, "echo", json!({"value": value})), value);
    assert_eq!(client.call(&topic, None, "blob", json!({"size": 3})), json!([0, 0, 0]));
    let mut operation = call(&topic, None, "context", json!({}));
    operation["context"] = json!({"user": "bob", "project": "p 1"});
    assert_eq!(client.perform(operation)["ok"], json!({"user": "bob", "project": "p 1"}));
}
