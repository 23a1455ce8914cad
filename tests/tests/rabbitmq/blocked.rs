//! A broker that is low on disk, and one that takes small messages only.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rpc_amqp::AmqpTransport;
use rpc_core::message::{Message, Request};
use rpc_core::transport::{Consumer, Delivery, LinkState};
use rpc_core::{Code, ContentType, Executed, Payload, Target};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::publishing::{SOON, consume, request, send};
use crate::service::connect;

const BLOCKED_TIMEOUT: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_broker_ends_every_wait_and_nothing_that_failed_runs() {
    let broker = Broker::builder().setting("max_message_size = 65536").start();
    let transport =
        AmqpTransport::builder(broker.url()).blocked_timeout(BLOCKED_TIMEOUT).connect().await.unwrap();
    let (elsewhere, target) = (connect(&broker).await, Target::topic(unique("blocked")));
    let mut consumer = consume(&elsewhere, &target).await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ran);
    tokio::spawn(async move {
        while let Some(delivery) = consumer.next().await {
            if let Ok(Message::Request(request)) = delivery.message() {
                seen.lock().unwrap().push(request.method.clone());
            }
            let _ = delivery.ack();
        }
    });
    send(&transport, &target, request("first"), SOON).await.unwrap();
    too_large(&transport, &target).await;

    broker.ctl(&["set_disk_free_limit", "900GB"]);
    // The broker blocks a connection when it publishes. What it was sent before it says so may run yet.
    let is_blocked = eventually(async || {
        let outcome = send(&transport, &target, request("on its way"), Duration::from_millis(200)).await;
        assert_ne!(outcome.map_err(|error| error.code()).err(), Some(Code::PermissionDenied));
        (transport.status().now().state == LinkState::Blocked).then_some(())
    });
    assert!(is_blocked.await.is_some(), "{}", transport.status().now());

    for (limit, expected) in [(SOON, BLOCKED_TIMEOUT), (BLOCKED_TIMEOUT / 2, BLOCKED_TIMEOUT / 2)] {
        let started = Instant::now();
        let error = send(&transport, &target, request("refused"), limit).await.unwrap_err();
        let took = started.elapsed();
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
        assert!(
            error.to_string().contains("broker blocked") && error.to_string().contains("low on disk"),
            "{error}"
        );
        assert!((expected..expected + Duration::from_millis(250)).contains(&took), "{took:?}");
    }
    let many = join_all((0..500).map(|_| send(&transport, &target, request("refused"), SOON))).await;
    assert!(
        many.iter()
            .all(|outcome| { outcome.as_ref().is_err_and(|error| error.executed() == Executed::NotSent) })
    );

    // This one would be too late after the block, and that one is not.
    let late = send(&transport, &target, request("refused"), Duration::from_millis(100));
    assert!(late.await.is_err());
    broker.ctl(&["set_disk_free_limit", "50MB"]);
    let lifted = Instant::now();
    let open = eventually(async || send(&transport, &target, request("after"), SOON).await.ok()).await;
    assert!(open.is_some() && lifted.elapsed() < Duration::from_secs(2), "{:?}", lifted.elapsed());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ran = ran.lock().unwrap();
    assert!(ran.iter().any(|method| method == "after"), "{ran:?}");
    assert!(!ran.iter().any(|method| method == "refused"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_counted_while_the_broker_is_blocked_is_handled_as_it_is() {
    let broker = Broker::start();
    let (transport, target) = (connect(&broker).await, Target::topic(unique("counted")));
    let mut consumer = consume(&transport, &target).await;
    send(&transport, &target, request("again"), SOON).await.unwrap();
    next(&mut *consumer).await.requeue().unwrap();
    let repeated = next(&mut *consumer).await;
    assert!(repeated.is_redelivered());
    send(&transport, &target, request("running"), SOON).await.unwrap();
    let running = next(&mut *consumer).await;

    broker.ctl(&["set_disk_free_limit", "900GB"]);
    let nobody = Target::topic(unique("nobody"));
    let is_blocked = eventually(async || {
        let _ = send(&transport, &nobody, request("m"), Duration::from_millis(200)).await;
        (transport.status().now().state == LinkState::Blocked).then_some(())
    });
    assert!(is_blocked.await.is_some(), "{}", transport.status().now());
    let started = Instant::now();
    repeated.retry(2).unwrap();
    let as_it_is = next(&mut *consumer).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    // Otherwise it would be asked to be counted again.
    assert!(!as_it_is.is_redelivered());
    assert_eq!(attempt(&as_it_is), 2);
    as_it_is.retry(3).unwrap();
    let third = next(&mut *consumer).await;
    assert_eq!(attempt(&third), 3);

    // A consumer that is stopped gives it back, and lives on for what is still handled.
    consumer.stop().await;
    third.retry(4).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.ack().unwrap();
    drop(consumer);
    let mut consumer = consume(&connect(&broker).await, &target).await;
    let (message, acknowledger) = next(&mut *consumer).await.into_parts();
    let Ok(Message::Request(again)) = message else { panic!("another message: {message:?}") };
    assert_eq!(again.method, "again");
    acknowledger.ack().unwrap();
    let left = tokio::time::timeout(Duration::from_millis(500), consumer.next()).await;
    assert!(left.is_err(), "{left:?}");
}

fn attempt(delivery: &Delivery) -> u32 {
    let Ok(Message::Request(request)) = delivery.message() else { panic!("another message: {delivery:?}") };
    request.context.attempt
}

async fn next(consumer: &mut dyn Consumer) -> Delivery {
    let next = tokio::time::timeout(SOON, consumer.next());
    next.await.expect("a delivery comes soon").expect("the consumer goes on")
}

async fn too_large(transport: &AmqpTransport, target: &Target) {
    let large = || {
        let mut request = Request::new("large", Payload::new(ContentType::Json, vec![b' '; 70_000].into()));
        request.durable = true;
        request
    };
    let expected = (Code::TooLarge, Executed::NotSent);
    for (exchange, said) in [(None, "larger than"), (None, "the broker takes 65536"), (Some("new"), "65536")]
    {
        let target = exchange.map_or_else(|| target.clone(), |name| target.clone().exchange(name));
        let error = send(transport, &target, large(), SOON).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), expected, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    // Its exchange is not to blame.
    send(transport, target, request("small"), SOON).await.unwrap();
    assert_eq!(transport.status().now().epoch, 1);
}
