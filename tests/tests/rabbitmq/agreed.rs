//! What the broker says that it was told: arguments, prefetch, refusals, alarms.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::message::{Message as Outgoing, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Destination, LinkState, Source};
use rpc_core::{Code, ContentType, Deadline, Error, Executed, Payload, Target};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::service::{connect, pair};

const SOON: Duration = Duration::from_secs(10);

async fn send(transport: &AmqpTransport, target: &Target, limit: Duration) -> Result<(), Error> {
    let mut request = Request::new("m", Payload::new(ContentType::Json, "{}".into()));
    request.durable = true;
    let destination = Destination::Request(target.clone());
    let transport = transport.as_ref().transport();
    transport.publish(&destination, Outgoing::from(request), Deadline::after(limit)).await
}

async fn consume(transport: &AmqpTransport, target: &Target, prefetch: u16) -> Box<dyn Consumer> {
    let options = ConsumeOptions::new().prefetch(prefetch);
    transport.as_ref().transport().consume(Source::Requests(target.clone()), options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_are_as_the_table_in_wire_md_says() {
    let broker = Broker::start();
    let pair = pair(&broker).await;
    assert_eq!(pair.client.square(2).await.unwrap(), 4);
    let listing = broker.ctl(&["list_queues", "name", "durable", "exclusive", "auto_delete", "arguments"]);
    let mut found: Vec<_> = listing
        .lines()
        .filter(|line| line.contains("sums") || line.starts_with("reply."))
        .map(|line| {
            let kind = line.split('.').next().unwrap().to_owned();
            let (name, facts) = line.split_once('\t').unwrap();
            (kind, name.ends_with(".one"), facts.replace('\t', " "))
        })
        .collect();
    found.sort();
    let fact = |kind: &str, named, facts: &str| (kind.to_owned(), named, facts.to_owned());
    let classic = r#"{"x-queue-type","classic"}"#;
    let expiring = |time| format!(r#"true false false [{{"x-expires",{time}}},{classic}]"#);
    let expected = [
        // Named, too: a vhost can make another type the default, and an exclusive queue has no other.
        fact("fan", false, &format!("false true true [{classic}]")),
        fact("reply", false, &expiring(120_000)),
        fact("rpc", false, &format!("true false false [{classic}]")),
        fact("rpc", true, &expiring(1_800_000)),
    ];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_03_the_prefetch_is_the_same_after_a_reconnect() {
    let broker = Broker::start();
    let transport = connect(&broker).await;
    let target = Target::topic(unique("prefetch"));
    let _consumer = consume(&transport, &target, 7).await;
    let queue = format!("rpc.default.{}", target.topic_name());
    let prefetch = || {
        let listing = broker.ctl(&["list_consumers", "queue_name", "prefetch_count"]);
        listing.lines().find_map(|line| line.strip_prefix(&queue).map(|count| count.trim().to_owned()))
    };
    assert_eq!(prefetch().as_deref(), Some("7"));
    broker.ctl(&["close_all_connections", "--global", "for the test"]);
    let mut status = transport.status();
    status.wait_for(|status| status.epoch > 1 && status.state == LinkState::Connected).await.unwrap();
    assert_eq!(eventually(async || prefetch()).await.as_deref(), Some("7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_24_a_delivery_of_a_link_that_is_gone_cannot_be_settled_and_comes_again() {
    let broker = Broker::start();
    let transport = connect(&broker).await;
    let target = Target::topic(unique("stale"));
    let mut consumer = consume(&transport, &target, 1).await;
    send(&transport, &target, SOON).await.unwrap();
    let held = consumer.next().await.unwrap();
    broker.ctl(&["close_all_connections", "--global", "for the test"]);
    let again = tokio::time::timeout(SOON, consumer.next()).await.unwrap().unwrap();
    assert!(again.is_redelivered());
    assert_eq!(held.ack().unwrap_err().code(), Code::Unavailable);
    // The same tag on the new channel was not touched by it.
    drop(consumer);
    let _ = again.requeue();
    let mut consumer = consume(&transport, &target, 1).await;
    tokio::time::timeout(SOON, consumer.next()).await.unwrap().unwrap().ack().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_refuses() {
    let broker = Broker::start();
    let transport = connect(&broker).await;
    let target = Target::topic(unique("full"));
    let mut away = consume(&transport, &target, 1).await;
    away.stop().await;
    away.close().await;
    let limits = r#"{"max-length":3,"overflow":"reject-publish"}"#;
    broker.ctl(&["set_policy", "full", "^rpc\\.", limits, "--apply-to", "queues"]);
    let mut refused = None;
    for _ in 0..20 {
        refused = refused.or(send(&transport, &target, SOON).await.err());
    }
    let error = refused.expect("the queue fills up");
    assert_eq!((error.code(), error.executed()), (Code::Overloaded, Executed::NotSent), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dv_39_a_blocked_broker_is_seen_and_nothing_is_sent_late() {
    let broker = Broker::start();
    let transport = connect(&broker).await;
    let target = Target::topic(unique("blocked"));
    let mut consumer = consume(&transport, &target, 10).await;
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]);
    let mut status = transport.status();
    // The broker blocks a connection when it publishes. What was handed over before the notice may arrive later.
    let first = send(&transport, &target, Duration::from_millis(500)).await;
    status.wait_for(|status| status.state == LinkState::Blocked).await.unwrap();
    for _ in 0..5 {
        let error = send(&transport, &target, Duration::from_millis(200)).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
        assert!(error.message().contains("blocked"), "{error}");
    }
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "2GB"]);
    status.wait_for(|status| status.state == LinkState::Connected).await.unwrap();
    send(&transport, &target, SOON).await.unwrap();
    let mut arrived = 0;
    while let Ok(Some(delivery)) = tokio::time::timeout(Duration::from_secs(1), consumer.next()).await {
        delivery.ack().unwrap();
        arrived += 1;
    }
    let most = if first.is_err_and(|error| error.executed() == Executed::NotSent) { 1 } else { 2 };
    assert!((1..=most).contains(&arrived), "{arrived} of at most {most} arrived");
}
