//! Servers of both languages behind one topic.

use std::collections::BTreeSet;
use std::time::Duration;

use rpc_core::introspection::{self, IntrospectionClient};
use rpc_core::{Client, Target, Value};
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::python::Python;
use crate::service::{PeerClient, builder, connect, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_02_17_servers_of_both_languages_share_a_topic() {
    let (broker, topic) = (Broker::shared(), unique("both"));
    let transport = connect(broker, "").await;
    let server = serve(&transport, &topic, "rust").await;
    let _python = Python::server(broker, "", &topic, "python");
    let mut python = Python::client(broker, "");
    let client = PeerClient::new(&transport, Target::topic(&*topic));

    // By either client to either server.
    let both = BTreeSet::from(["python".to_owned(), "rust".to_owned()]);
    let (mut asked_here, mut asked_there) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..20 {
        asked_here.insert(client.whoami().await.unwrap());
    }
    for _ in 0..20 {
        let request = json!({ "op": "call", "topic": topic, "method": "whoami" });
        asked_there.insert(python.perform(&request).unwrap().as_str().unwrap().to_owned());
    }
    assert_eq!((asked_here, asked_there), (both.clone(), both));

    let fanout =
        json!({ "op": "fanout", "topic": topic, "method": "append", "args": { "text": "from python" } });
    python.perform(&fanout).unwrap();
    let untyped = Client::new(&transport, Target::topic(&*topic));
    untyped.fanout("append", &Value::map([("text", "from rust")])).await.unwrap();
    for name in ["rust", "python"] {
        let server = client.prepare(|it| it.server(name));
        let arrived = eventually(async || {
            let mut texts = server.seen().await.unwrap();
            texts.sort();
            (texts == ["from python", "from rust"]).then_some(())
        });
        assert!(arrived.await.is_some(), "{name}: {:?}", server.seen().await);
    }

    // Python answers fanouts, too, if they say where.
    let answers =
        untyped.gather("whoami", &()).timeout(Duration::from_secs(10)).expected(2).await.unwrap().all().await;
    let mut names: Vec<_> = answers.into_iter().map(|answer| answer.result.unwrap()).collect();
    names.sort_by_key(|name| name.as_text().map(str::to_owned));
    assert_eq!(names, ["python".into(), "rust".into()]);

    // What is left of the topic serves it.
    server.shutdown(Duration::from_secs(1)).await;
    for _ in 0..4 {
        assert_eq!(client.whoami().await.unwrap(), "python");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn servers_answer_questions_about_themselves_if_they_are_told_to() {
    let (broker, topic) = (Broker::shared(), unique("asked"));
    let transport = connect(broker, "").await;
    let _silent = serve(&transport, &topic, "silent").await;
    let _told = builder(&transport, &topic, "told").introspection(true).start().await.unwrap();
    let client = IntrospectionClient::new(&transport, introspection::target());
    let answers =
        client.info(Some(topic.clone()), None).timeout(Duration::from_secs(2)).await.unwrap().all().await;
    let servers: Vec<_> = answers.into_iter().map(|answer| answer.result.unwrap().server.server).collect();
    assert_eq!(servers, ["told"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_broker_that_comes_back_has_both_again() {
    // Queues of either are transient, so that all of them are gone with the broker's process.
    let broker = Broker::start();
    let transport = connect(&broker, "").await;
    let _server = serve(&transport, "t", "rust").await;
    let _python = Python::server(&broker, "", "t", "python");
    let mut python = Python::client(&broker, "");
    let client = PeerClient::new(&transport, Target::topic("t"));
    let whoami = |server: &str| json!({ "op": "call", "topic": "t", "server": server, "method": "whoami", "timeout": 2 });
    for name in ["rust", "python"] {
        assert_eq!(client.prepare(|it| it.server(name)).whoami().await.unwrap(), name);
        assert_eq!(python.perform(&whoami(name)), Ok(json!(name)));
    }

    broker.stop();
    broker.start_again();

    for name in ["rust", "python"] {
        let server = client.prepare(|it| it.server(name).timeout(Duration::from_secs(2)));
        let found = until_it_works(async || server.whoami().await.ok()).await;
        assert_eq!(found.as_deref(), Some(name), "for us");
        let found = until_it_works(async || python.perform(&whoami(name)).ok()).await;
        assert_eq!(found, Some(json!(name)), "for Python");
    }
}

/// Python waits longer between attempts the longer it takes.
async fn until_it_works<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    for _ in 0..6 {
        if let Some(found) = eventually(&mut attempt).await {
            return Some(found);
        }
    }
    None
}
