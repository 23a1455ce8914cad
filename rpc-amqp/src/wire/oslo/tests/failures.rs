//! Failures, both ways.

use super::super::{PythonException, PythonExceptions, caught};
use super::*;

fn failed(failure: Failure) -> Reply {
    Reply::new(CorrelationId::parse(ID).unwrap(), Outcome::Failure(failure))
}

fn python_failure(failure: Failure) -> serde_json::Value {
    let (_, message) = written(failed(failure));
    serde_json::from_str(message["failure"].as_str().unwrap()).unwrap()
}

fn failure_of(reply: Reply) -> Failure {
    match reply.outcome {
        Outcome::Failure(failure) => failure,
        Outcome::Success(result) => panic!("{result:?}"),
    }
}

#[test]
fn dv_07_sr_01_a_failure_is_text_with_every_key() {
    let bad = python_failure(Failure::new(Code::InvalidArguments, "no argument \"zz\""));
    assert_eq!(
        bad,
        json!({
            "class": "TypeError", "module": "builtins", "message": "no argument \"zz\"",
            "tb": ["TypeError: no argument \"zz\"\n"], "args": ["no argument \"zz\""], "kwargs": {},
        })
    );
    let missing = python_failure(Failure::new(Code::NoSuchMethod, "no method"));
    let dispatcher = json!("oslo_messaging.rpc.dispatcher");
    assert_eq!((&missing["class"], &missing["module"]), (&json!("NoSuchMethod"), &dispatcher));
    let version = python_failure(Failure::new(Code::UnsupportedVersion, "no version"));
    assert_eq!((&version["class"], &version["module"]), (&json!("UnsupportedVersion"), &dispatcher));
}

/// RD-06 and RD-10 as Python's own server would answer.
#[test]
fn rd_06_10_what_nobody_serves_is_said_in_the_words_of_pythons_dispatcher() {
    let python = |code, message: &str| {
        let failure = Failure::new(code, "in our words").with_asked(Asked::of(&request(message)));
        python_failure(failure)
    };
    let expected = |class: &str, text: &str| {
        let module = "oslo_messaging.rpc.dispatcher";
        json!({
            "class": class, "module": module, "message": text, "tb": [format!("{module}.{class}: {text}\n")],
            "args": [text], "kwargs": {},
        })
    };
    assert_eq!(
        python(Code::NoSuchMethod, r#"{"method": "boot"}"#),
        expected("NoSuchMethod", "Endpoint does not support RPC method boot")
    );
    for (version, shown) in [("null", "1.0"), ("\"2.7\"", "2.7"), ("\"1.5.1\"", "1.5.1")] {
        assert_eq!(
            python(Code::UnsupportedVersion, &format!(r#"{{"method": "boot", "version": {version}}}"#)),
            expected(
                "UnsupportedVersion",
                &format!("Endpoint does not support RPC version {shown}. Attempted method: boot")
            )
        );
    }
    // Any other failure has its own words.
    let denied = python(Code::PermissionDenied, r#"{"method": "boot"}"#);
    assert_eq!((&denied["class"], &denied["message"]), (&json!("PermissionDenied"), &json!("in our words")));
}

#[test]
fn a_failure_of_ours_is_the_same_on_the_other_side() {
    let mut failure =
        Failure::new(Code::ServiceError, "node 7 is locked").with_traceback(Traceback::new("a\nb\n"));
    failure.error_type = Some("Locked".into());
    failure.data = payload(r#"{"node":7}"#);
    failure.retryable = true;
    failure.retry_after = Some(Duration::from_millis(1_500));
    failure.executed = Executed::Unknown;
    let python = python_failure(failure.clone());
    assert_eq!((&python["class"], &python["message"]), (&json!("Locked"), &json!("node 7 is locked")));
    assert_eq!(python["tb"], json!(["a\n", "b\n"]));
    let (_, message) = written(failed(failure.clone()));
    assert_eq!(format!("{:?}", failure_of(reply(&message.to_string()))), format!("{failure:?}"));
    let denied = failed(Failure::new(Code::PermissionDenied, "no"));
    assert_eq!(failure_of(reply(&written(denied).1.to_string())).code, Code::PermissionDenied);
}

#[test]
fn sr_09_an_exception_of_python_is_kept_as_it_is() {
    let exception = json!({
        "class": "NotFound", "module": "nova.exception", "message": "no node", "tb": ["Traceback:\n", "  line 1\n"],
        "args": [1], "kwargs": { "node": 7 },
    });
    let message = json!({ "result": null, "failure": exception.to_string(), "ending": true, "_msg_id": ID });
    let failure = failure_of(reply(&message.to_string()));
    assert_eq!((failure.code, failure.message.as_str()), (Code::RemoteError, "no node"));
    assert_eq!(failure.error_type.as_deref(), Some("nova.exception.NotFound"));
    let kept = PythonException::of(&failure).unwrap();
    assert_eq!(failure.traceback.unwrap().as_str(), "Traceback:\n  line 1\n");
    assert_eq!(kept.keyword_arguments["node"], Value::Integer(7));
}

#[test]
fn sr_06_a_failure_is_never_too_strange() {
    let failure = |failure: serde_json::Value| {
        let message = json!({ "result": null, "failure": failure, "ending": true, "_msg_id": ID });
        failure_of(reply(&message.to_string()))
    };
    assert_eq!(failure(json!("not JSON")).message, "not JSON");
    assert_eq!(failure(json!("{\"tb\": 1}")).message, "{\"tb\": 1}");
    let strange = failure(json!({ "class": "E", "message": null, "tb": [1], "args": "x", "kwargs": [] }));
    assert_eq!((strange.code, strange.error_type.as_deref()), (Code::RemoteError, Some("E")));
    let value_error =
        failure(json!("{\"class\": \"ValueError\", \"module\": \"exceptions\", \"args\": [NaN]}"));
    assert_eq!(value_error.error_type.as_deref(), Some("ValueError"));
    for none in [json!(null), json!(""), json!({}), json!(false)] {
        let message = json!({ "result": 1, "failure": none, "_msg_id": ID });
        assert_eq!(reply(&message.to_string()).payload(), &payload("1"));
    }
}

struct Nodes;

impl PythonExceptions for Nodes {
    fn raised(&self, failure: &Failure) -> Option<PythonException> {
        let is_locked = failure.error_type.as_deref() == Some("Locked");
        is_locked.then(|| PythonException::builtin("PermissionError", failure.message.as_str()))
    }

    fn caught(&self, exception: &PythonException) -> Option<Value> {
        let is_known = (exception.module.as_str(), exception.class.as_str()) == ("nova.exception", "Locked");
        is_known.then(|| Value::map([("node", exception.keyword_arguments["node"].clone())]))
    }
}

#[test]
fn sr_07_ur_24_a_typed_error_is_an_exception_there_and_an_exception_a_typed_error_here() {
    let mut failure = Failure::new(Code::ServiceError, "node 7 is locked");
    failure.error_type = Some("Locked".into());
    let (_, body) = encode(failed(failure).into(), Wire::Oslo, &Nodes).unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("PermissionError") && text.contains("builtins"), "{text}");
    assert!(text.contains("PermissionError: node 7 is locked"), "a traceback: {text}");

    let came = |class: &str| {
        let exception =
            json!({ "class": class, "module": "nova.exception", "message": "m", "kwargs": { "node": 7 } });
        let message =
            json!({ "result": null, "failure": exception.to_string(), "ending": true, "_msg_id": ID });
        let Message::Reply(reply) = caught(read(&message.to_string()).unwrap(), &Nodes) else {
            panic!("no reply")
        };
        failure_of(Arc::unwrap_or_clone(reply))
    };
    let locked = came("Locked");
    assert_eq!((locked.code, locked.data), (Code::ServiceError, payload(r#"{"node":7}"#)));
    assert_eq!(came("Other").code, Code::RemoteError);
}
