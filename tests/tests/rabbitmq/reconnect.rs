//! Clients, servers and listeners outlive their broker. A suite of every fault is to come; this is its beginning.

use std::time::{Duration, Instant};

use rpc_core::{Code, Executed, Health, Listener, Notifier, Value};
use tests::broker::Broker;
use tests::raw::RawClient;

use crate::service::{Pair, connect, connect_to, pair, pair_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_again_after_the_broker_was_killed() {
    let broker = Broker::start();
    let Pair { client, server, transport, server_transport } = pair(&broker).await;
    let collector = connect(&broker).await;
    let mut events = Listener::builder(&collector, ["notifications"]).start::<Value>().await.unwrap();
    let notifier = Notifier::new(&transport, "test");
    assert_eq!(client.square(3).await.unwrap(), 9);

    broker.kill();
    let error = client.square(4).timeout(Duration::from_secs(1)).await.unwrap_err();
    let error = error.rpc().unwrap();
    assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
    // Its link may have looked alive still when it was sent.
    assert_ne!(error.executed(), Executed::Executed, "{error}");

    // A call that is made while the broker is away goes out when it is back.
    let patient = tokio::spawn(client.square(5).timeout(Duration::from_secs(90)).into_future());
    broker.start_again();
    let back = Instant::now();
    assert_eq!(patient.await.unwrap().unwrap(), 25);
    assert!(back.elapsed() < Duration::from_secs(15), "{:?}", back.elapsed());
    for number in 0..100 {
        assert_eq!(client.square(number).await.unwrap(), number * number);
    }
    notifier.info("after", &1).await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.unwrap().unwrap();
    assert_eq!(event.event_type(), "after");
    event.ack().await.unwrap();
    assert_eq!(transport.as_ref().pending_calls(), 0);

    server.shutdown(Duration::from_secs(5)).await;
    for transport in [transport, server_transport, collector] {
        transport.close(Duration::from_secs(2)).await;
    }
    assert!(broker.connections().is_empty(), "{:?}", broker.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_connections_are_replaced_and_calls_go_on() {
    let broker = Broker::start();
    let Pair { client, server: _server, transport, .. } = pair(&broker).await;
    for round in 0..3 {
        let number = i64::from(round);
        let sleeping = tokio::spawn(client.sleep(1_500).timeout(Duration::from_secs(30)).into_future());
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.ctl(&["close_all_connections", "--global", "for the test"]);
        // What ran when the link was cut is answered over the next one.
        sleeping.await.unwrap().unwrap();
        assert_eq!(client.square(number).timeout(Duration::from_secs(20)).await.unwrap(), number * number);
    }
    assert_eq!(transport.as_ref().pending_calls(), 0);
    assert!(transport.status().now().epoch >= 4, "{:?}", transport.status().now());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_22_a_queue_that_was_deleted_is_declared_again() {
    let broker = Broker::start();
    let Pair { client, server, .. } = pair(&broker).await;
    assert_eq!(client.square(2).await.unwrap(), 4);
    // The answer of a call that runs meanwhile finds the new queue.
    let sleeping = tokio::spawn(client.sleep(1_500).timeout(Duration::from_secs(30)).into_future());
    tokio::time::sleep(Duration::from_millis(300)).await;
    for prefix in ["rpc.", "reply."] {
        let queue = broker.queues().into_iter().find(|queue| queue.name.starts_with(prefix)).unwrap();
        broker.ctl(&["delete_queue", &queue.name]);
        let deadline = Instant::now() + Duration::from_secs(10);
        while client.square(3).timeout(Duration::from_secs(1)).await.is_err() {
            assert!(Instant::now() < deadline, "calls work again soon after {} was deleted", queue.name);
        }
    }
    sleeping.await.unwrap().unwrap();
    assert_eq!(server.health().now(), Health::Consuming);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_was_deleted_is_declared_and_bound_again() {
    let broker = Broker::start();
    let url = format!("{}?heartbeat=2", broker.url());
    let Pair { client, server, transport, .. } = pair_at(&url).await;
    let collector = connect_to(&url).await;
    let builder = Listener::builder(&collector, ["notifications"]).pool("p");
    let mut events = builder.start::<Value>().await.unwrap();
    assert_eq!(client.square(2).await.unwrap(), 4);

    let raw = RawClient::connect(&broker.url()).await;
    for exchange in ["x.default", "n.default"] {
        raw.delete_exchange(exchange).await;
    }
    let gone = Instant::now();
    while client.square(3).timeout(Duration::from_secs(1)).await.is_err() {
        assert!(gone.elapsed() < Duration::from_secs(5), "the servers are bound again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.health().now(), Health::Consuming);
    while events.health().now() != Health::Consuming || gone.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Notifier::new(&transport, "test").info("after", &1).await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(5), events.next()).await.unwrap().unwrap();
    assert_eq!(event.event_type(), "after");
}
