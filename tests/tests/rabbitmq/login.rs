//! The first connect says what is wrong, soon and without the password.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{Code, Error};
use tests::broker::{Broker, unique};

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
        ("amqp://guest:staple@localhost/?hartbeat=3", "hartbeat"),
        ("amqp://guest:staple@localhost/?heartbeat=0", "heartbeat"),
        ("amqp://guest:staple@localhost/a/b", "vhost"),
        ("amqp://guest:staple@:5672", "host"),
        ("amqp://guest:staple@localhost/?wire=oslo", "oslo"),
    ] {
        let error = refused(url).await;
        assert!(error.message().contains(names), "{url}: {error}");
        assert!(!error.is_retryable(), "{url}: {error}");
    }
}
