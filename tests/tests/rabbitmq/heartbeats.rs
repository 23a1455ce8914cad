//! The two connections of a process, and what keeps them. A name begins with the rows of `docs/conformance.md` that it
//! shows.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rpc_amqp::AmqpTransport;
use rpc_core::transport::LinkState;
use rpc_core::{Client, Server, Target, Value};
use tests::broker::{Broker, unique};
use tests::proxy::{Direction, Mode, Proxy};

use crate::service::{SumsClient, connect, endpoint};

/// A transport that shows each second that it lives.
async fn lively(url: &str) -> AmqpTransport {
    AmqpTransport::builder(format!("{url}/?heartbeat=1")).connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_01_a_link_that_is_idle_stays() {
    let proxy = Proxy::start(Broker::shared().port());
    let transport = lively(&proxy.url()).await;
    // A broker gives up who is silent for two heartbeats.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let status = transport.status().now();
    assert_eq!((status.epoch, status.state), (1, LinkState::Connected));
    assert_eq!(proxy.connections_accepted().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_02_a_link_whose_heartbeats_are_lost_is_made_again_once() {
    let broker = Broker::shared();
    let proxy = Proxy::start(broker.port());
    let server_transport = connect(broker).await;
    let target = Target::topic(unique("sums"));
    let server = Server::builder(&server_transport, target.clone()).endpoint(endpoint());
    let _server = server.start().await.unwrap();
    let transport = lively(&proxy.url()).await;
    let client = SumsClient::new(&transport, target);
    assert_eq!(client.square(2).await.unwrap(), 4);

    let mut status = transport.status();
    proxy.set(Direction::Both, Mode::Hold);
    let noticed = Instant::now();
    let lost = status.wait_for(|status| status.state != LinkState::Connected);
    tokio::time::timeout(Duration::from_secs(8), lost).await.unwrap().unwrap();
    assert!(noticed.elapsed() > Duration::from_secs(1), "{:?}", noticed.elapsed());
    proxy.heal();
    let back = status.wait_for(|status| status.state == LinkState::Connected);
    let back = tokio::time::timeout(Duration::from_secs(10), back).await.unwrap().unwrap();
    assert_eq!(back.epoch, 2, "{back}");
    assert_eq!(client.square(3).timeout(Duration::from_secs(5)).await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_31_a_link_that_is_busy_stays() {
    let broker = Broker::shared();
    let (transport, elsewhere) = (lively(&broker.url()).await, lively(&broker.url()).await);
    let target = Target::topic(unique("busy"));
    let server = Server::builder(&elsewhere, target.clone()).endpoint(endpoint()).start().await.unwrap();
    let client = Client::new(&transport, target);
    let until = Instant::now() + Duration::from_secs(4);
    let sender = || async {
        let mut sent = 0_u32;
        while Instant::now() < until {
            client.cast("square", &Value::map([("number", 1)])).await.unwrap();
            sent += 1;
        }
        sent
    };
    let sent = join_all((0..32).map(|_| sender())).await;
    assert!(sent.iter().all(|&count| count > 0), "{sent:?}");
    for transport in [&transport, &elsewhere] {
        let status = transport.status().now();
        assert_eq!((status.epoch, status.state), (1, LinkState::Connected));
    }
    server.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rb_05_09_a_broker_is_told_who_connects_and_for_what() {
    let broker = Broker::start();
    let transport = AmqpTransport::builder(broker.url()).service_name("conductor").connect().await.unwrap();
    let target = Target::topic("t");
    let _server = Server::builder(&transport, target.clone()).endpoint(endpoint()).start().await.unwrap();
    assert_eq!(SumsClient::new(&transport, target).square(2).await.unwrap(), 4);

    let names: BTreeSet<_> = broker.connections().into_iter().map(|connection| connection.name).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("conductor")), "{names:?}");
    let listed = broker.ctl(&["list_connections", "auth_mechanism", "timeout", "client_properties"]);
    for line in listed.lines().filter(|line| line.contains("conductor")) {
        assert!(line.starts_with("PLAIN\t10\t"), "{line}");
        for capability in ["connection.blocked", "consumer_cancel_notify", "authentication_failure_close"] {
            assert!(
                line.contains(&format!("\"{capability}\",bool,true"))
                    || line.contains(&format!("{capability}\",true")),
                "{line}"
            );
        }
    }
    // What confirms has no consumers, and what consumes does not confirm.
    let listed = broker.ctl(&["list_channels", "consumer_count", "confirm", "prefetch_count"]);
    for line in listed.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())) {
        let is_publishing = line.contains("true");
        assert_eq!(line.starts_with("0\t"), is_publishing, "{listed}");
    }
    assert!(listed.contains("true"), "{listed}");
}
