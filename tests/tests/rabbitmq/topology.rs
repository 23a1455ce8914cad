//! A topology that is not as it should be is told at the start, with what to do, and harms nobody else.

use std::time::{Duration, Instant};

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use rpc_amqp::{AmqpTransport, QueueType, RequestRouting, Topology};
use rpc_core::{Code, Error, Executed, Notifier, Server, Target};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::service::{SumsClient, connect, connect_through_exchange, endpoint};

const SOON: Duration = Duration::from_secs(1);

async fn start(transport: &AmqpTransport, target: &Target) -> Result<Server, Error> {
    Server::builder(transport, target.clone().server("one")).endpoint(endpoint()).start().await
}

/// Refused soon and for good, with an error that says all of `words`.
async fn refused_saying(words: &[&str], transport: &AmqpTransport, target: &Target) -> Error {
    let started = Instant::now();
    let error = start(transport, target).await.map(drop).unwrap_err();
    assert!(started.elapsed() < SOON, "{:?}: {error}", started.elapsed());
    assert!(words.iter().all(|word| error.message().contains(word)), "{words:?}: {error}");
    error
}

async fn verifying(broker: &Broker, queue_type: QueueType) -> AmqpTransport {
    let builder = AmqpTransport::builder(format!("{}?topology=verify", broker.url()));
    let builder = builder.queue_type(queue_type).request_routing(RequestRouting::Exchange);
    builder.connect().await.unwrap()
}

fn queue(target: &Target) -> String {
    format!("rpc.default.{}", target.topic_name())
}

fn listed(broker: &Broker, topic: &str) -> Vec<String> {
    let lists = broker.ctl(&["list_queues", "name"]) + &broker.ctl(&["list_exchanges", "name"]);
    lists.lines().filter(|line| line.contains(topic)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_another_kind_is_told_at_the_start() {
    let broker = Broker::shared();
    let (target, other) = (Target::topic(unique("kind")), Target::topic(unique("kind")));
    let classic = connect(broker).await;
    start(&classic, &target).await.unwrap().shutdown(SOON).await;

    let quorum = AmqpTransport::builder(broker.url()).queue_type(QueueType::Quorum).connect().await.unwrap();
    let name = queue(&target);
    let words =
        [name.as_str(), "x-queue-type=quorum", "PRECONDITION_FAILED", "current is 'classic'", "delete it"];
    let error = refused_saying(&words, &quorum, &target).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false), "{error}");
    // Other topics of the process are served.
    let _server = start(&quorum, &other).await.unwrap();
    assert_eq!(SumsClient::new(&classic, other).square(3).await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_replaced_harms_its_topic_only_until_it_is_gone() {
    let broker = Broker::start();
    let (target, other) = (Target::topic(unique("replaced")), Target::topic(unique("kept")));
    let transport = connect(&broker).await;
    let (_server, _other_server) =
        (start(&transport, &target).await.unwrap(), start(&transport, &other).await.unwrap());
    let elsewhere = connect_through_exchange(&broker).await;
    let (client, other_client) =
        (SumsClient::new(&elsewhere, target.clone()), SumsClient::new(&elsewhere, other));
    assert_eq!(client.square(2).await.unwrap(), 4);

    // Both in one go, before the server declares it again.
    let stranger = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = stranger.create_channel().await.unwrap();
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let name = queue(&target);
    let deleted = channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default());
    let declared = channel.queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments);
    let (deleted, declared) = tokio::join!(deleted, declared);
    deleted.unwrap();
    declared.unwrap();

    let error = client.square(3).timeout(SOON).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().executed(), Executed::NotSent, "{error}");
    for number in 0..20 {
        assert_eq!(other_client.square(number).await.unwrap(), number * number);
    }
    assert_eq!(transport.status().now().epoch, 1);
    channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    // Asked for every 30 s.
    let deadline = Instant::now() + Duration::from_secs(35);
    while client.square(4).timeout(SOON).await.is_err() {
        assert!(Instant::now() < deadline, "the topic is served again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_verified_is_never_made() {
    let broker = Broker::shared();
    let target = Target::topic(unique("verified"));
    let transport = verifying(broker, QueueType::Classic).await;
    let advice = ["NOT_FOUND", "topology=verify makes nothing"];
    let error = refused_saying(&advice, &transport, &target.clone().exchange(unique("nowhere"))).await;
    assert_eq!((error.code(), error.executed()), (Code::Unavailable, Executed::NotSent), "{error}");
    let name = queue(&target);
    connect_once(broker).await;
    refused_saying(&[&name, advice[0], advice[1]], &transport, &target).await;
    // Nor by those who send.
    let nowhere = Target::topic(unique("nobody")).exchange(unique("nowhere"));
    let error = SumsClient::new(&transport, nowhere).square(2).timeout(SOON).await.unwrap_err();
    assert_eq!(error.rpc().unwrap().executed(), Executed::NotSent, "{error}");
    assert!(error.to_string().contains(advice[1]), "{error}");
    let notified = Notifier::new(&transport, "test").topics([target.topic_name()]).info("event", &1).await;
    assert!(notified.unwrap_err().to_string().contains(advice[1]));
    for place in ["nowhere", target.topic_name()] {
        assert_eq!(listed(broker, place), [""; 0]);
    }

    // Once it is there, it is compared and used.
    start(&connect(broker).await, &target).await.unwrap().shutdown(SOON).await;
    let different = verifying(broker, QueueType::Quorum).await;
    // Quoted whole: the queue of the server, which is declared, has a longer name.
    let words = [&format!("durable queue {name:?} with"), "PRECONDITION_FAILED", "x-queue-type"];
    refused_saying(&words, &different, &target).await;
    let _server = start(&transport, &target).await.unwrap();
    assert_eq!(SumsClient::new(&transport, target).square(4).await.unwrap(), 16);
}

/// The exchange of requests and that of notifications exist.
async fn connect_once(broker: &Broker) {
    let transport = connect(broker).await;
    start(&transport, &Target::topic(unique("first"))).await.unwrap().shutdown(SOON).await;
    Notifier::new(&transport, "test").topics([unique("first")]).info("event", &1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_make_nothing_is_told_so_and_can_verify() {
    let broker = Broker::shared();
    let (target, user) = (Target::topic(unique("bound")), unique("user"));
    broker.ctl(&["add_user", &user, "secret"]);
    let own = r"^(reply\..*|fan\..*|rpc\.default\..*\.one)$";
    broker.ctl(&["set_permissions", &user, own, ".*", ".*"]);
    let url = broker.url_for(&user, "secret", "/");
    let transport = AmqpTransport::builder(&url).connect().await.unwrap();
    let words = ["ACCESS_REFUSED", "permission", "topology=verify"];
    let error = refused_saying(&words, &transport, &target).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::PermissionDenied, false), "{error}");

    start(&connect(broker).await, &target).await.unwrap().shutdown(SOON).await;
    let transport = AmqpTransport::builder(&url).topology(Topology::Verify).connect().await.unwrap();
    let _server = start(&transport, &target).await.unwrap();
    assert_eq!(SumsClient::new(&transport, target.clone()).square(5).await.unwrap(), 25);
    let fanout = eventually(async || {
        listed(broker, target.topic_name()).into_iter().find(|name| name.starts_with("fan."))
    });
    assert!(fanout.await.is_some());
}
