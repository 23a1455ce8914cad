//! Messages that come twice.

use rpc_core::Target;
use serde_json::json;
use tests::broker::{Broker, unique};
use tests::raw::{Message, RawClient, eventually};

use crate::service::{PeerClient, connect, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rb_33_a_request_that_comes_twice_runs_once_and_both_copies_are_settled() {
    let (broker, topic) = (Broker::shared(), unique("twice"));
    let transport = connect(broker, "").await;
    let _server = serve(&transport, &topic, "s").await;
    let raw = RawClient::connect(&broker.url()).await;
    let append = |text: &str, unique_id: &str| {
        let request = json!({ "method": "append", "args": { "text": text }, "_unique_id": unique_id });
        let envelope = json!({ "oslo.version": "2.0", "oslo.message": request.to_string() });
        Message { content_type: Some("application/json".into()), ..Message::new(envelope.to_string()) }
    };
    // More of them than Python remembers come in between.
    assert!(raw.publish("openstack", &topic, &append("a", "id-0")).await);
    for number in 1..40 {
        assert!(raw.publish("openstack", &topic, &append("b", &format!("id-{number}"))).await);
    }
    for _ in 0..3 {
        assert!(raw.publish("openstack", &topic, &append("a", "id-0")).await);
    }
    let client = PeerClient::new(&transport, Target::topic(&*topic));
    let empty = eventually(async || broker.queue(&topic).is_some_and(|it| it.messages == 0).then_some(()));
    assert!(empty.await.is_some(), "{:?}", broker.queue(&topic));
    let seen = client.seen().await.unwrap();
    let count = |text: &str| seen.iter().filter(|other| *other == text).count();
    assert_eq!((count("a"), count("b")), (1, 39));
}
