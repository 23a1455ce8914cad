//! Python calls, and a server of ours answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{builder, connect, serve};

fn call(topic: &str, method: &str, arguments: &Value) -> Value {
    json!({ "op": "call", "topic": topic, "method": method, "args": arguments })
}

/// The same request with more in it.
fn with(mut request: Value, more: Value) -> Value {
    let (Value::Object(request_keys), Value::Object(more)) = (&mut request, more) else {
        panic!("no objects")
    };
    request_keys.extend(more);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rs_09_10_11_results_and_contexts_come_back_as_they_are() {
    let (broker, topic) = (Broker::shared(), unique("results"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");

    assert_eq!(python.perform(&call(&topic, "add", &json!({ "a": 2, "b": 40 }))), Ok(json!(42)));
    let to_one = with(call(&topic, "whoami", &json!({})), json!({ "server": "rust" }));
    assert_eq!(python.perform(&to_one), Ok(json!("rust")));
    for value in [
        json!(null),
        json!(0),
        json!(false),
        json!([]),
        json!({}),
        json!(""),
        json!("é \u{1f980} \" \\ \n"),
        json!({ "a": [1, -2.5, { "b": null }] }),
        json!(u64::MAX),
    ] {
        assert_eq!(python.perform(&call(&topic, "echo", &json!({ "value": value }))), Ok(value));
    }
    let context = json!({ "user": "bob", "roles": ["admin", "member"], "is_admin": true, "project": null, "request_id": "req-1" });
    let request = with(call(&topic, "context", &json!({})), json!({ "context": context }));
    assert_eq!(python.perform(&request), Ok(context));
    python.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_11_12_13_versions_and_namespaces() {
    let (broker, topic) = (Broker::shared(), unique("versions"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    let mut whoami = |namespace: Value, version: Value| {
        let parts = json!({ "namespace": namespace, "version": version });
        let outcome = python.perform(&with(call(&topic, "whoami", &json!({})), parts));
        outcome.map_err(|error| error["remote"].as_str().map(str::to_owned))
    };
    let unsupported = || Err(Some("UnsupportedVersion".to_owned()));

    assert_eq!(whoami(json!(null), json!("1.5")), Ok(json!("rust")));
    assert_eq!(whoami(json!(null), json!("1.4.7")), Ok(json!("rust")));
    assert_eq!(whoami(json!("extra"), json!("2.0")), Ok(json!("rust")));
    assert_eq!(whoami(json!(null), json!("1.6")), unsupported());
    assert_eq!(whoami(json!(null), json!("1.5.1")), unsupported());
    assert_eq!(whoami(json!(null), json!("2.0")), unsupported());
    // Without a version it is 1.0.
    assert_eq!(whoami(json!("extra"), json!(null)), unsupported());
    assert_eq!(whoami(json!("unknown"), json!("1.0")), unsupported());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_05_sr_05_09_failures_are_exceptions() {
    let (broker, topic) = (Broker::shared(), unique("failures"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    let mut error =
        |method: &str, arguments: Value| python.perform(&call(&topic, method, &arguments)).unwrap_err();

    let built_in = error("fail", json!({ "kind": "ValueError", "message": "ival can't go negative!" }));
    assert_eq!((&built_in["class"], &built_in["module"]), (&json!("ValueError"), &json!("builtins")));
    assert!(built_in["message"].as_str().unwrap().starts_with("ival can't go negative!\n"), "{built_in}");

    let own = error("fail", json!({ "kind": "Other", "message": "of the service's own" }));
    assert_eq!((&own["class"], &own["remote"]), (&json!("RemoteError"), &json!("Failed")));
    assert_eq!(own["value"], json!("of the service's own"));

    let arguments = error("add", json!({ "a": 1, "zz": 2 }));
    assert_eq!((&arguments["class"], &arguments["module"]), (&json!("TypeError"), &json!("builtins")));
    let panicked = error("panic", json!({}));
    assert_eq!(panicked["remote"], json!("Panicked"));
}

/// What is asked in vain of servers of either language gets the same answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_12_13_rd_06_08_10_17_what_a_dispatcher_says_is_the_same_in_both_languages() {
    let (broker, topic) = (Broker::shared(), unique("dispatcher"));
    let transport = connect(broker, "").await;
    let _servers = (serve(&transport, &topic, "rust").await, Python::server(broker, "", &topic, "python"));
    let mut python = Python::client(broker, "");
    for (method, parts) in [
        ("nothing", json!({})),
        ("nothing", json!({ "version": "1.4" })),
        ("nothing_ignore_errors", json!({ "namespace": "extra", "version": "2.0" })),
        ("whoami", json!({ "version": "1.6" })),
        ("whoami", json!({ "version": "1.5.1" })),
        ("whoami", json!({ "namespace": "extra" })),
        ("whoami", json!({ "namespace": "unknown", "version": "1.0" })),
        ("oslo_rpc_server_ping", json!({})),
    ] {
        let [ours, theirs] = ["rust", "python"].map(|server| {
            let request =
                with(with(call(&topic, method, &json!({})), parts.clone()), json!({ "server": server }));
            let mut error = python.perform(&request).unwrap_err();
            // Where it happened is another place; both end with what it was.
            let traceback = error["traceback"].take();
            let last = traceback.as_array().and_then(|lines| lines.last()).cloned();
            error["message"].take();
            (error, last)
        });
        assert_eq!(ours, theirs);
        assert_eq!(ours.0["class"], json!("RemoteError"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rd_17_python_pings_a_server() {
    let (broker, topic) = (Broker::shared(), unique("ping"));
    let transport = connect(broker, "").await;
    let _server = builder(&transport, &topic, "rust").ping(true).start().await.unwrap();
    let mut python = Python::client(broker, "");
    assert_eq!(python.perform(&call(&topic, "oslo_rpc_server_ping", &json!({}))), Ok(json!("pong")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_15_17_casts_and_fanouts_arrive() {
    let (broker, topic) = (Broker::shared(), unique("casts"));
    let transport = connect(broker, "").await;
    let _servers = (serve(&transport, &topic, "one").await, serve(&transport, &topic, "two").await);
    let mut python = Python::client(broker, "");
    let append = |op: &str, text: &str| json!({ "op": op, "topic": topic, "method": "append", "args": { "text": text } });
    for text in ["a", "b", "c"] {
        assert_eq!(python.perform(&with(append("cast", text), json!({ "server": "one" }))), Ok(json!(null)));
    }
    assert_eq!(python.perform(&append("fanout", "all")), Ok(json!(null)));

    let mut expected = [vec!["a", "all", "b", "c"], vec!["all"]].map(|texts| json!(texts));
    for (server, expected) in ["one", "two"].into_iter().zip(&mut expected) {
        let seen = with(call(&topic, "seen", &json!({})), json!({ "server": server }));
        let arrived = eventually(async || {
            let mut texts = python.perform(&seen).unwrap();
            texts.as_array_mut().unwrap().sort_by_key(ToString::to_string);
            (texts == *expected).then_some(())
        });
        assert!(arrived.await.is_some(), "{server}: {:?}", python.perform(&seen));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_09_a_call_ends_at_its_timeout() {
    let (broker, topic) = (Broker::shared(), unique("timeout"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    let since = Instant::now();
    let slow = with(call(&topic, "sleep", &json!({ "seconds": 20.0 })), json!({ "timeout": 1 }));
    assert_eq!(python.perform(&slow).unwrap_err()["class"], json!("MessagingTimeout"));
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    // The next one is served.
    assert_eq!(python.perform(&call(&topic, "add", &json!({ "a": 1, "b": 1 }))), Ok(json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_30_31_32_what_is_no_json_does_not_stop_a_server() {
    let (broker, topic) = (Broker::shared(), unique("strange"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "rust").await;
    let mut python = Python::client(broker, "");
    let strange = with(call(&topic, "echo", &json!({})), json!({ "strange": true }));
    let expected = json!([null, null, "\u{fffd}x", 1_180_591_620_717_411_303_424.0_f64]);
    assert_eq!(python.perform(&strange), Ok(expected));
    // A number that does not fit the parameter is the caller's mistake.
    let too_big = json!({ "op": "call", "topic": topic, "method": "add", "args": { "a": 1, "b": 1e30 } });
    assert_eq!(python.perform(&too_big).unwrap_err()["class"], json!("TypeError"));
    assert_eq!(python.perform(&call(&topic, "add", &json!({ "a": 1, "b": 1 }))), Ok(json!(2)));
}
