//! We call, and a Python server answers.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::{CallError, Client, Code, Context, Executed, Target, Value, Version};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{Failed, PeerClient, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rs_09_10_11_results_and_contexts_come_back_as_they_are() {
    let (broker, topic) = (Broker::shared(), unique("results"));
    let python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));

    assert_eq!(client.add(2, 40).await.unwrap(), 42);
    assert_eq!(client.prepare(|it| it.server("python")).whoami().await.unwrap(), "python");
    let map = Value::map([("a", Value::List(vec![Value::Integer(1), Value::Float(-2.5), Value::Null]))]);
    for value in [
        Value::Null,
        Value::Integer(0),
        Value::Bool(false),
        Value::List(Vec::new()),
        "é \u{1f980} \"".into(),
        map,
    ] {
        assert_eq!(client.echo(value.clone()).await.unwrap(), value);
    }
    let mut context = Context::new();
    context.metadata.insert("user", "bob").unwrap();
    let roles = Value::List(vec!["admin".into()]);
    context.foreign = [("roles".to_owned(), roles.clone())].into_iter().collect();
    let seen: BTreeMap<String, Value> = client.context().context(&context).await.unwrap();
    let expected =
        [("request_id", context.request_id.as_str().into()), ("roles", roles), ("user", "bob".into())];
    assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value)).into());
    python.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_11_12_13_versions_and_namespaces() {
    let (broker, topic) = (Broker::shared(), unique("versions"));
    let _python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = Client::new(&transport, Target::topic(&*topic));
    let whoami = async |namespace: Option<&str>, version: (u32, u32)| {
        let client = client.prepare(|it| {
            let it = it.version(Version::new(version.0, version.1));
            match namespace {
                Some(namespace) => it.namespace(namespace),
                None => it,
            }
        });
        client.call("whoami", &()).await.map_err(|error| error.code())
    };
    assert_eq!(whoami(None, (1, 5)).await, Ok("python".into()));
    assert_eq!(whoami(Some("extra"), (2, 0)).await, Ok("python".into()));
    assert_eq!(whoami(None, (1, 6)).await, Err(Code::UnsupportedVersion));
    assert_eq!(whoami(Some("unknown"), (1, 0)).await, Err(Code::UnsupportedVersion));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sr_02_03_09_exceptions_are_errors_with_class_message_and_traceback() {
    let (broker, topic) = (Broker::shared(), unique("failures"));
    let _python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));

    let error = match client.fail("ValueError".into(), "ival can't go negative!".into()).await {
        Err(CallError::Rpc(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!((error.code(), error.executed()), (Code::RemoteError, Executed::Executed));
    assert_eq!((error.message(), error.error_type()), ("ival can't go negative!", Some("ValueError")));
    let traceback = error.traceback().unwrap().as_str();
    assert!(traceback.contains("in fail\n") && traceback.contains("server.py"), "{traceback}");

    let locked = client.fail("Locked".into(), "node 7 is locked".into()).await;
    assert!(matches!(locked, Err(CallError::Service(Failed::Locked { node: 7 }))), "{locked:?}");

    let untyped = Client::new(&transport, Target::topic(&*topic));
    let missing = untyped.call("nothing", &()).await.unwrap_err();
    assert_eq!(missing.code(), Code::NoSuchMethod);
    let arguments = untyped.call("add", &Value::map([("zz", 1_i64)])).await.unwrap_err();
    let CallError::Rpc(arguments) = arguments else { panic!("{arguments:?}") };
    assert_eq!((arguments.code(), arguments.error_type()), (Code::RemoteError, Some("TypeError")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_15_17_casts_and_fanouts_arrive() {
    let (broker, topic) = (Broker::shared(), unique("casts"));
    let _python = (Python::server(broker, "", &topic, "one"), Python::server(broker, "", &topic, "two"));
    let transport = connect(broker, "").await;
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let (one, two) = (client.prepare(|it| it.server("one")), client.prepare(|it| it.server("two")));
    for text in ["a", "b", "c"] {
        one.append(text.into()).await.unwrap();
    }
    let untyped = Client::new(&transport, Target::topic(&*topic));
    untyped.fanout("append", &Value::map([("text", "all")])).await.unwrap();

    for (server, expected) in [(&one, vec!["a", "all", "b", "c"]), (&two, vec!["all"])] {
        let arrived = eventually(async || {
            let mut texts = server.seen().await.unwrap();
            texts.sort();
            (texts == expected).then_some(())
        });
        assert!(arrived.await.is_some(), "{:?}", server.seen().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dv_30_31_32_what_is_no_json_does_not_stop_a_client() {
    let (broker, topic) = (Broker::shared(), unique("strange"));
    let _python = Python::server(broker, "", &topic, "python");
    let transport = connect(broker, "").await;
    let client = Client::new(&transport, Target::topic(&*topic));
    let strange = client.call("strange", &()).await.unwrap();
    let big = Value::Float(1_180_591_620_717_411_303_424.0);
    assert_eq!(strange, Value::List(vec![Value::Null, Value::Null, "\u{fffd}x".into(), big]));
    assert_eq!(client.call("whoami", &()).await.unwrap(), "python".into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_08_who_is_called_in_vain_is_told_at_once() {
    let broker = Broker::shared();
    let transport = connect(broker, "").await;
    // Many at a time: their returns bear no id.
    let calls = (0..50).map(|number| {
        let client = Client::new(&transport, Target::topic(format!("nobody-{number}")));
        async move { client.call("m", &Value::map([("n", number)])).timeout(Duration::from_secs(9)).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::Unroutable, Executed::NotSent), "{error:?}");
    }
}
