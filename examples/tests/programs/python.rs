//! The programs among programs in Python that use oslo.messaging.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::broker::{Broker, unique};

use crate::program::{Client, Program, call};

/// The URL of the shared broker for Python.
fn python_url() -> String {
    format!("{}/", Broker::shared().url().replacen("amqp", "rabbit", 1))
}

fn our_url(more: &str) -> String {
    format!("{}/?wire=oslo{more}", Broker::shared().url())
}

/// Has a Python client of the tests do what a line says.
fn perform(python: &mut Program, request: &Value) -> Value {
    python.write(request);
    serde_json::from_str(&python.line()).unwrap()
}

fn python(program: &str, arguments: &[&str]) -> Program {
    let program = Program::python(program, arguments);
    assert_eq!(program.line(), "\"ready\"");
    program
}

#[test]
fn the_interop_server_serves_python_and_raises_what_it_is_asked_for() {
    let (topic, url) = (unique("python"), our_url(""));
    let arguments = ["--topic", &topic, "--server", "rust"];
    let mut server = Program::start_at(env!("CARGO_BIN_EXE_interop-server"), &url, &arguments);
    assert_eq!(server.line(), "ready");
    let mut client = python("tests/python/client.py", &[&python_url()]);
    let mut ask = |method: &str, arguments: Value, more: Value| {
        let mut request = json!({ "op": "call", "topic": topic, "method": method, "args": arguments });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        perform(&mut client, &request)
    };

    assert_eq!(ask("add", json!({ "a": 2, "b": 40 }), json!({}))["ok"], json!(42));
    assert_eq!(ask("whoami", json!({}), json!({ "server": "rust" }))["ok"], json!("rust"));
    assert_eq!(
        ask("whoami", json!({}), json!({ "namespace": "extra", "version": "2.1" }))["ok"],
        json!("rust")
    );
    let context = json!({ "user": "bob" });
    let seen = ask("context", json!({}), json!({ "context": context }))["ok"].take();
    assert_eq!(seen["user"], json!("bob"));
    for kind in
        ["ValueError", "KeyError", "RuntimeError", "NotImplementedError", "PermissionError", "OSError"]
    {
        let error = ask("fail", json!({ "kind": kind, "message": "no node" }), json!({}))["error"].take();
        assert_eq!((&error["class"], &error["module"]), (&json!(kind), &json!("builtins")), "{error}");
        assert!(error["message"].as_str().unwrap().contains("no node"), "{error}");
    }
    // A class that Python does not have.
    let error = ask("fail", json!({ "kind": "Locked", "message": "no node" }), json!({}))["error"].take();
    assert_eq!((&error["class"], &error["remote"]), (&json!("RemoteError"), &json!("Locked")), "{error}");
    assert_eq!(error["value"], json!("no node"));
    server.terminate();
    assert!(server.status().success());
}

#[test]
fn the_interop_client_calls_and_hears_python() {
    let (topic, events) = (unique("python"), unique("events"));
    let _server = python("tests/python/server.py", &[&python_url(), &topic, "python"]);
    let mut client = Client::start_at(&our_url(""));

    assert_eq!(client.call(&topic, None, "add", json!({ "a": 2, "b": 40 })), json!(42));
    assert_eq!(client.call(&topic, Some("python"), "whoami", json!({})), json!("python"));
    let fail = call(&topic, None, "fail", json!({ "kind": "ValueError", "message": "no node" }));
    let error = client.perform(fail)["error"].take();
    assert_eq!((&error["code"], &error["type"]), (&json!("remote_error"), &json!("ValueError")), "{error}");
    assert!(error["traceback"].as_str().unwrap().contains("server.py"), "{error}");
    let missing = client.perform(call(&topic, None, "nothing", json!({})))["error"].take();
    assert_eq!(missing["code"], json!("no_such_method"), "{missing}");

    assert!(client.perform(json!({ "op": "listen", "topics": [events] })).get("ok").is_some());
    let mut notifier =
        python("tests/python/notifier.py", &[&python_url(), "messagingv2", "compute.host1", &events]);
    perform(&mut notifier, &json!({ "priority": "error", "event_type": "e", "payload": { "id": 7 } }));
    while client.events.is_empty() {
        client.take_line();
    }
    let event = &client.events[0];
    assert_eq!(
        (&event["publisher"], &event["priority"]),
        (&json!("compute.host1"), &json!("error")),
        "{event}"
    );
    assert_eq!(event["payload"], json!({ "id": 7 }));
}

#[test]
fn the_quota_server_is_one_service_among_others_in_python() {
    let exceptions = ["OverQuota=quota_client.OverQuota", "UnknownResource=KeyError"];
    let arguments = exceptions.map(|it| ["--python-exceptions", it]).concat();
    let url = our_url("&control_exchange=cinder");
    let mut server = Program::start_at(env!("CARGO_BIN_EXE_quota-server"), &url, &arguments);
    assert_eq!(server.line(), "ready");
    let mut client = Program::python("examples/python/quota_client.py", &[&python_url()]);
    let lines: BTreeSet<String> = client.rest().into_iter().collect();
    assert!(client.status().success());
    let expected = [
        "left: 3",
        "ping: pong",
        "quota.host-a told: quota.exceeded p1 volumes",
        "refused: 3 volumes are left, and 7 were asked for",
        "unknown: there is no resource \"unicorns\"",
    ];
    assert_eq!(lines, expected.map(str::to_owned).into());
    server.terminate();
    assert!(server.status().success());
}
