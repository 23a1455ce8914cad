//! What the proxy does to real clients of a real broker.

use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::transport::LinkState;
use rpc_core::{Server, Target};
use tests::broker::{Broker, unique};
use tests::proxy::{Direction, Frame, Mode, Proxy, Role};
use tests::raw::{Message, RawClient, eventually};

use crate::service::{SumsClient, connect, endpoint};

async fn through(proxy: &Proxy) -> AmqpTransport {
    AmqpTransport::builder(proxy.url()).connect().await.unwrap()
}

async fn wait_for(transport: &AmqpTransport, state: LinkState, epoch: u64) {
    let mut status = transport.status();
    let reached = status.wait_for(|status| status.state == state && status.epoch >= epoch);
    let reached = tokio::time::timeout(Duration::from_secs(20), reached).await.is_ok_and(|it| it.is_some());
    assert!(reached, "{:?}", transport.status().now());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_works_whether_its_frames_come_whole_or_in_pieces() {
    let broker = Broker::shared();
    let proxy = Proxy::start(broker.port());
    let modes = [Mode::Pass, Mode::Slice(1), Mode::Slice(100), Mode::Rate(200_000)];
    let delay = Mode::Delay { delay: Duration::from_millis(30), jitter: Duration::from_millis(20) };
    for mode in modes.into_iter().chain([delay]) {
        proxy.set(Direction::Both, mode);
        let client = RawClient::connect(&proxy.url()).await;
        let queue = unique("proxied");
        client.declare(&queue).await;
        let message = Message::new(vec![7; 20_000]);
        assert!(client.publish("", &queue, &message).await, "{mode:?}");
        assert_eq!(client.take(&queue).await, message, "{mode:?}");
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_the_two_connections_of_a_client_is_found_by_its_role() {
    let broker = Broker::shared();
    let proxy = Proxy::start(broker.port());
    let target = Target::topic(unique("sums"));
    let server_transport = connect(broker).await;
    let server = Server::builder(&server_transport, target.clone()).endpoint(endpoint());
    let _server = server.start().await.unwrap();
    let transport = through(&proxy).await;
    let client = SumsClient::new(&transport, target);
    assert_eq!(client.square(2).await.unwrap(), 4);
    let open = [proxy.only(Role::Publish), proxy.only(Role::Consume)].map(|it| it.connections_open());
    assert_eq!(open, [1, 1]);
    assert_eq!(proxy.connections_accepted().len(), 2);

    // A reply comes over the one while the other is silent.
    let asked = tokio::spawn(client.sleep(500).timeout(Duration::from_secs(10)).into_future());
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.only(Role::Publish).set(Direction::Both, Mode::Hold);
    asked.await.unwrap().unwrap();
    proxy.heal();

    // And no reply comes over the one while requests go out over the other.
    proxy.only(Role::Consume).set(Direction::Downstream, Mode::Hold);
    let error = client.square(3).timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(error.rpc().unwrap().is_timeout(), "{error}");
    proxy.heal();
    assert_eq!(client.square(3).timeout(Duration::from_secs(20)).await.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_believes_frames_that_the_broker_never_sent() {
    let proxy = Proxy::start(Broker::shared().port());
    let transport = through(&proxy).await;
    wait_for(&transport, LinkState::Connected, 1).await;
    proxy.inject(&Frame::blocked("low on disk"));
    wait_for(&transport, LinkState::Blocked, 1).await;
    proxy.inject(&Frame::unblocked());
    wait_for(&transport, LinkState::Connected, 1).await;
    proxy.inject(&Frame::connection_close(320, "CONNECTION_FORCED - for the test"));
    wait_for(&transport, LinkState::Connected, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_is_alive_for_the_broker() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port());
    let client = RawClient::connect(&proxy.url()).await;
    let replies = client.reply_queue().await;
    proxy.orphan();
    drop(client);
    // Its exclusive queue is still its own.
    assert!(broker.queue(replies.address()).is_some_and(|queue| queue.consumers == 1));
    assert_eq!(broker.connections().len(), 1);
    proxy.heal();
    assert!(eventually(async || broker.queue(replies.address()).is_none().then_some(())).await.is_some());
}
