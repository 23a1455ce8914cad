//! What a publisher is told is true, and one bad message harms no other.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_amqp::AmqpTransport;
use rpc_core::message::{Message as Outgoing, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Destination, LinkState, Source};
use rpc_core::{Code, ContentType, Deadline, Error, Executed, Payload, Target};
use tests::broker::{Broker, unique};
use tests::raw::{Message, RawClient, eventually};

use crate::service::{Pair, connect, connect_through_exchange, pair};

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn request(method: &'static str) -> Request {
    let mut request = Request::new(method, Payload::new(ContentType::Json, "{}".into()));
    request.durable = true;
    request
}

fn lasting(time_to_live: Duration) -> Request {
    let mut request = request("m");
    request.time_to_live = Some(time_to_live);
    request
}

pub(crate) async fn send(
    transport: &AmqpTransport,
    target: &Target,
    request: Request,
    limit: Duration,
) -> Result<(), Error> {
    let destination = Destination::Request(target.clone());
    let transport = transport.as_ref().transport();
    transport.publish(&destination, Outgoing::from(request), Deadline::after(limit)).await
}

pub(crate) async fn consume(transport: &AmqpTransport, target: &Target) -> Box<dyn Consumer> {
    transport
        .as_ref()
        .transport()
        .consume(Source::Requests(target.clone()), ConsumeOptions::new().prefetch(500))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_unroutable_are_told_so() {
    const MESSAGES: u32 = 20_000;
    let transport = connect(Broker::shared()).await;
    let (somebody, nobody) = (Target::topic(unique("somebody")), Target::topic(unique("nobody")));
    let mut consumer = consume(&transport, &somebody).await;
    let reader = tokio::spawn(async move {
        while let Some(delivery) = consumer.next().await {
            let _ = delivery.ack();
        }
    });
    let mut next = 0;
    let mut sending = FuturesUnordered::new();
    loop {
        while next < MESSAGES && sending.len() < 400 {
            next += 1;
            // An exchange that is new makes the hand-over wait in the middle of a batch.
            let target = match next {
                _ if next % 37 == 0 => nobody.clone().exchange(format!("new-{next}")),
                _ if next % 4 == 0 => nobody.clone(),
                _ => somebody.clone(),
            };
            let (is_routable, transport) = (target == somebody, transport.clone());
            sending.push(tokio::spawn(async move {
                (is_routable, send(&transport, &target, request("m"), SOON * 6).await)
            }));
        }
        let Some(sent) = sending.next().await else { break };
        let (is_routable, outcome) = sent.unwrap();
        let code = outcome.err().map(|error| error.code());
        assert_eq!(code, (!is_routable).then_some(Code::Unroutable));
    }
    transport.close(SOON).await;
    reader.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_direct_address_does_not_end_the_link() {
    let Pair { client, server: _server, server_transport, .. } = pair(Broker::shared()).await;
    assert_eq!(client.square(2).await.unwrap(), 4);
    let stranger = RawClient::connect(&Broker::shared().url()).await;
    let broker = Broker::shared();
    let queues = broker.queues().into_iter().filter(|queue| queue.name.starts_with("rpc.default.sums"));
    for queue in queues {
        // No process, or one on a node whose name is not `reply@` and a number, or is no atom in UTF-8: RabbitMQ 3.10 ends
        // the connection that answers there.
        for token in [
            "AAAA.b",
            "g2gCYQFhAg==.b",
            "g1h2AANhQGIAAAKrAAAAAGsC1jQ=.bmFtZQ==",
            "g1h2AAVyZXBseQAAAqsAAAAAawLWNA==.bmFtZQ==",
            "g1hkAA5yZXBseUAyMDU0MTQ0NAAAAqsAAAAAawLWNA==.bmFtZQ==",
            "g1h2AAdyZXBseUD/AAACqwAAAABrAtY0.bmFtZQ==",
        ] {
            let address = format!("amq.rabbitmq.reply-to.{token}");
            let forged = Message::request("square", b"\x80").answered_at(&address, "1");
            stranger.publish("", &queue.name, &forged).await;
        }
    }
    for number in 0..50 {
        assert_eq!(client.square(number).await.unwrap(), number * number);
    }
    assert_eq!(server_transport.status().now().epoch, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_time_to_live_harms_nobody() {
    let transport = connect(Broker::shared()).await;
    let target = Target::topic(unique("endless"));
    let _consumer = consume(&transport, &target).await;
    send(&transport, &target, lasting(Duration::MAX), SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_queue_that_was_deleted_is_declared_again() {
    let (broker, transport) = (Broker::shared(), connect(Broker::shared()).await);
    let target = Target::topic(unique("dead"));
    let dead_letters = format!("dlq.default.{}", target.topic_name());
    let mut consumer = consume(&transport, &target).await;
    for round in 0..2 {
        send(&transport, &target, request("m"), SOON).await.unwrap();
        consumer.next().await.unwrap().reject(Code::Malformed, "for the test").unwrap();
        let kept = eventually(async || broker.queue(&dead_letters).filter(|queue| queue.messages == 1)).await;
        assert!(kept.is_some(), "round {round}");
        broker.ctl(&["delete_queue", &dead_letters]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_after_its_time_and_a_close_keeps_to_its_grace() {
    let broker = Broker::start();
    let (transport, elsewhere) = (connect_through_exchange(&broker).await, connect(&broker).await);
    let target = Target::topic(unique("late"));
    let mut consumer = consume(&elsewhere, &target).await;
    let warm = send(&transport, &Target::topic("nobody").exchange("warm"), request("m"), SOON).await;
    assert_eq!(warm.unwrap_err().code(), Code::Unroutable);

    // The exchange has to be declared first, and the broker is silent.
    broker.pause();
    // A signal to many threads takes a moment.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let error = send(&transport, &target, request("late"), Duration::from_millis(500)).await.unwrap_err();
    assert_eq!(error.executed(), Executed::NotSent, "{error}");
    broker.resume();
    assert!(tokio::time::timeout(Duration::from_secs(2), consumer.next()).await.is_err());

    broker.pause();
    let started = Instant::now();
    transport.close(Duration::from_millis(200)).await;
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(transport.status().now().state, LinkState::Closed);
    broker.resume();

    // What waits for its broker says on the wire what is left, not what was left when it started to wait.
    let patient = connect(&broker).await;
    drop(consumer);
    broker.kill();
    let waiting = tokio::spawn(async move { send(&patient, &target, lasting(SOON * 12), SOON * 12).await });
    let down = Instant::now();
    broker.start_again();
    let down = down.elapsed();
    waiting.await.unwrap().unwrap();
    let client = RawClient::connect(&broker.url()).await;
    let name =
        broker.queues().into_iter().find(|queue| queue.name.starts_with("rpc.default.late")).unwrap().name;
    let left: u128 = client.take(&name).await.expiration.unwrap().parse().unwrap();
    assert!(left + down.as_millis() <= (SOON * 12).as_millis(), "{left} ms left after {down:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_of_a_request_lead_to_one_queue() {
    let (broker, exchange) = (Broker::shared(), unique("ways"));
    let target = Target::topic("t").exchange(&exchange).server("one");
    let (straight, through) = (connect(broker).await, connect_through_exchange(broker).await);
    let mut consumer = consume(&straight, &target).await;
    for transport in [&straight, &through] {
        send(transport, &target, request("m"), SOON).await.unwrap();
        consumer.next().await.unwrap().ack().unwrap();
    }
    RawClient::connect(&broker.url()).await.delete_exchange(&format!("x.{exchange}")).await;
    let error = send(&through, &target, request("m"), SOON).await.unwrap_err();
    assert_eq!(error.executed(), Executed::NotSent, "{error}");
    send(&straight, &target, request("m"), SOON).await.unwrap();
    consumer.next().await.unwrap().ack().unwrap();
}
