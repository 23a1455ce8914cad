//! The first connect says what is wrong, soon and without the password.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rpc_amqp::AmqpTransport;
use rpc_core::message::{Message, Request};
use rpc_core::transport::{ConsumeOptions, Destination, LinkState, Source};
use rpc_core::{Code, ContentType, Deadline, Error, Executed, Payload, Target};
use tests::broker::{Broker, unique};
use tests::raw::eventually;

use crate::service::{SumsClient, connect};

const PASSWORD: &str = "correct horse/battery:staple@";

async fn refused(url: &str) -> Error {
    let started = Instant::now();
    let error = AmqpTransport::builder(url).connect().await.map(drop).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}: {error}", started.elapsed());
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in [PASSWORD, "correct", "staple"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    error
}

async fn send(transport: &AmqpTransport, target: &Target, limit: Duration) -> Result<(), Error> {
    let request = Request::new("m", Payload::new(ContentType::Json, "{}".into()));
    let (to, until) = (Destination::Request(target.clone()), Deadline::after(limit));
    transport.as_ref().transport().publish(&to, Message::from(request), until).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told() {
    let broker = Broker::shared();
    let error = refused(&broker.url_for("guest", PASSWORD, "/")).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::PermissionDenied, false));
    assert!(error.message().contains(&format!("guest@127.0.0.1:{}", broker.port())), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_vhost_is_told() {
    let (broker, vhost) = (Broker::shared(), unique("nowhere"));
    let error = refused(&broker.url_for("guest", "guest", &vhost)).await;
    assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false));
    assert!(error.message().contains(&vhost), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_broker_at_the_address_is_told() {
    // A port that was free a moment ago, and one where somebody listens and never answers.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [free, silent.local_addr().unwrap()] {
        let error = refused(&format!("amqp://guest:staple@{address}")).await;
        assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, true));
        assert!(error.message().contains(&address.to_string()), "{error}");
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_host_is_tried() {
    let broker = Broker::shared();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://guest:guest@{free},127.0.0.1:{}", broker.port());
    for _ in 0..4 {
        AmqpTransport::builder(&url).connect().await.unwrap().close(Duration::from_secs(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_wrong_is_told_before_anything_is_tried() {
    for (url, names) in [
        ("amqp://guest:staple@localhost/?hartbeat=3", "auth_mechanism, heartbeat, connection_timeout"),
        ("amqp://guest:staple@localhost/?heartbeat=0", "heartbeat"),
        ("amqp://guest:staple@localhost/a/b", "vhost"),
        ("amqp://guest:staple@:5672", "host"),
        ("amqp://guest:staple@localhost/?durable=true", "wire=oslo"),
    ] {
        let error = refused(url).await;
        assert!(error.message().contains(names), "{url}: {error}");
        assert!(!error.is_retryable(), "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_the_broker_does_not_want_is_kept() {
    let broker = Broker::builder().setting("heartbeat = 0").start();
    let _transport = AmqpTransport::builder(broker.url()).connect().await.unwrap();
    let agreed = broker.ctl(&["list_connections", "timeout"]);
    assert_eq!(agreed.split_whitespace().skip(1).collect::<Vec<_>>(), ["10", "10"], "{agreed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_changed_stops_the_link_until_it_is_changed_back() {
    let (broker, user) = (Broker::start(), unique("user"));
    let change = |password: &str| broker.ctl(&["change_password", &user, password]);
    broker.ctl(&["add_user", &user, PASSWORD]);
    broker.ctl(&["set_permissions", &user, ".*", ".*", ".*"]);
    let transport = AmqpTransport::builder(broker.url_for(&user, PASSWORD, "/")).connect().await.unwrap();
    let client = SumsClient::new(&transport, Target::topic(unique("nobody")));
    assert!(client.square(1).await.unwrap_err().rpc().unwrap().is_unroutable());

    change("another");
    let mut status = transport.status();
    // What is sent while the refusal is not known yet is told, too.
    let sending = {
        let (transport, status) = (transport.clone(), transport.status());
        tokio::spawn(async move {
            let mut sent = Vec::new();
            while status.now().state != LinkState::Refused {
                let transport = transport.clone();
                sent.push(tokio::spawn(async move {
                    send(&transport, &Target::topic("nobody"), Duration::from_secs(60)).await
                }));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            futures_util::future::join_all(sent).await
        })
    };
    broker.ctl(&["close_all_connections", "--global", "for the test"]);
    let refused = Instant::now();
    let told = status.wait_for(|status| status.state == LinkState::Refused);
    let told = tokio::time::timeout(Duration::from_secs(5), told).await.unwrap().unwrap();
    assert!(told.last_error.as_ref().is_some_and(|text| text.contains("refused the login")), "{told}");
    let sent = tokio::time::timeout(Duration::from_secs(5), sending).await.unwrap().unwrap();
    let codes: Vec<_> = sent.into_iter().map(|sent| sent.unwrap().unwrap_err().code()).collect();
    assert!(codes.contains(&Code::PermissionDenied), "{codes:?}");
    let until = refused + Duration::from_secs(20);
    while Instant::now() < until {
        let started = Instant::now();
        let error = client.square(1).timeout(Duration::from_secs(10)).await.unwrap_err();
        let error = error.rpc().unwrap();
        assert!(matches!(error.code(), Code::PermissionDenied | Code::Unavailable), "{error}");
        assert_eq!(error.executed(), Executed::NotSent, "{error}");
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // One attempt of each of the two connections.
    assert_eq!(broker.log().matches("login refused").count(), 2, "{}", broker.log());

    change(PASSWORD);
    let back = status.wait_for(|status| status.state == LinkState::Connected);
    // The next attempt comes 30 to 33 s after the last; on a busy machine it may have come before the change.
    tokio::time::timeout(Duration::from_secs(45), back).await.unwrap().unwrap();
    assert!(client.square(1).await.unwrap_err().rpc().unwrap().is_unroutable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_in_a_file_can_be_changed_under_a_process() {
    let (broker, user) = (Broker::start(), unique("user"));
    let path = std::env::temp_dir().join(format!("rpc-tests-password-{}", std::process::id()));
    let builder = || AmqpTransport::builder(broker.url_for(&user, "not this", "/")).password_file(&path);
    let error = builder().connect().await.map(drop).unwrap_err();
    assert!(error.message().contains(path.to_str().unwrap()) && !error.is_retryable(), "{error}");
    broker.ctl(&["add_user", &user, "first"]);
    broker.ctl(&["set_permissions", &user, ".*", ".*", ".*"]);
    std::fs::write(&path, "first\n").unwrap();
    let transport = builder().connect().await.unwrap();

    broker.ctl(&["change_password", &user, "second"]);
    std::fs::write(&path, "second\n").unwrap();
    broker.ctl(&["close_all_connections", "--global", "for the test"]);
    let mut status = transport.status();
    let back = status.wait_for(|status| status.epoch == 2 && status.state == LinkState::Connected);
    tokio::time::timeout(Duration::from_secs(5), back).await.unwrap().unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_vouches_for_the_sender() {
    let (broker, user, target) = (Broker::shared(), unique("user"), Target::topic(unique("vouched")));
    broker.ctl(&["add_user", &user, PASSWORD]);
    broker.ctl(&["set_permissions", &user, ".*", ".*", ".*"]);
    let url = broker.url_for(&user, PASSWORD, "/");
    let elsewhere = connect(broker).await;
    let consuming = elsewhere.as_ref().transport();
    let mut consumer =
        consuming.consume(Source::Requests(target.clone()), ConsumeOptions::new()).await.unwrap();
    let mut sender_of_next = async |transport: AmqpTransport| {
        send(&transport, &target, Duration::from_secs(5)).await.unwrap();
        let (message, delivery) = consumer.next().await.unwrap().into_parts();
        delivery.reject(Code::Malformed, "for the test").unwrap();
        let Ok(Message::Request(request)) = message else { panic!("{message:?}") };
        request.context.sender.clone()
    };
    let named = AmqpTransport::builder(&url).connect().await.unwrap();
    assert_eq!(sender_of_next(named).await.as_deref(), Some(&*user));
    let unnamed = AmqpTransport::builder(format!("{url}?user_id=off")).connect().await.unwrap();
    assert_eq!(sender_of_next(unnamed).await, None);

    // Nobody can use the name of another, and a dead letter bears nobody's.
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let dead_letters = format!("dlq.default.{}", target.topic_name());
    for _ in 0..2 {
        let dead = eventually(async || {
            channel.basic_get(dead_letters.as_str().into(), BasicGetOptions { no_ack: true }).await.unwrap()
        });
        assert_eq!(dead.await.unwrap().properties.user_id(), &None);
    }
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let forged = BasicProperties::default().with_user_id(user.as_str().into());
    let published = channel.basic_publish("".into(), "q".into(), BasicPublishOptions::default(), b"", forged);
    let error = published.await.unwrap().await.unwrap_err().to_string();
    assert!(error.contains("PRECONDITION_FAILED") && error.contains("user_id"), "{error}");
}
