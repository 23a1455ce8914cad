//! Requests that no server is there for.

use std::time::{Duration, Instant};

use rpc_core::{Client, Code, Executed, Target};
use tests::broker::{Broker, unique};

use crate::service::{connect, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn fn_07_08_rb_14_dv_38_a_request_to_nobody_ends_at_once() {
    let (broker, topic) = (Broker::shared(), unique("unserved"));
    let transport = connect(broker, "").await;
    let client = Client::new(&transport, Target::topic(&*topic));
    let started = Instant::now();
    let cast = client.cast("append", &()).await.unwrap_err();
    let called = client.call("seen", &()).timeout(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((cast.code(), cast.executed()), (Code::Unroutable, Executed::NotSent), "{cast}");
    assert_eq!((called.code(), called.executed()), (Code::Unroutable, Executed::NotSent), "{called}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // A topic has a server, and none of this name.
    let _server = serve(&transport, &topic, "one").await;
    client.call("seen", &()).await.unwrap();
    let missing = client.prepare(|it| it.server("two")).cast("append", &()).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unroutable, "{missing}");
}
