//! Three nodes, and what a node with less than it needs does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tests::broker::{Broker, Cluster, unique};
use tests::raw::{Message, RawClient};

/// Tries for a minute: a partition is noticed after six seconds, and a node is back after ten or twenty.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quorum_queue_survives_its_leader() {
    let cluster = Cluster::start();
    assert_eq!(cluster.running(), 3);
    let [one, ..] = cluster.nodes();
    let queue = unique("quorum");
    let message = Message { persistent: true, ..Message::new("kept") };
    let client = RawClient::connect(&one.url()).await;
    client.declare(&unique("classic")).await;
    client.declare_quorum(&queue).await;
    assert!(client.publish("", &queue, &message).await);
    client.close().await;

    let leader = cluster.leader(&queue).expect("a leader").node();
    let killed = cluster.nodes().iter().find(|node| node.node() == leader).unwrap();
    killed.kill();
    assert!(!killed.is_running());
    let mut next = None;
    eventually("another leader", || {
        next = cluster.leader(&queue);
        next.is_some()
    });
    let next = next.unwrap();
    assert_ne!(next.node(), leader);
    eventually("the loss of a node is noticed", || cluster.running() == 2);
    let client = RawClient::connect(&next.url()).await;
    assert_eq!(client.take(&queue).await.body, message.body);
    assert!(client.publish("", &queue, &message).await);
    client.close().await;

    killed.start_again();
    eventually("the node is back after its start", || cluster.running() == 3);
    let client = RawClient::connect(&killed.url()).await;
    assert_eq!(client.take(&queue).await.body, message.body);
    cluster.rebalance();

    // A node that is silent is given up by the others. When it goes on, only a restart is sure to join it again.
    killed.pause();
    assert!(!killed.is_running());
    eventually("the silence of a node is noticed", || cluster.running() == 2);
    killed.resume();
    assert!(killed.is_running());
    killed.kill();
    killed.start_again();
    eventually("the node is back after its pause", || cluster.running() == 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_wiped_comes_back_empty() {
    let broker = Broker::start();
    let (queue, other) = (unique("wiped"), unique("deleted"));
    let client = RawClient::connect(&broker.url()).await;
    client.declare(&queue).await;
    client.declare(&other).await;
    broker.delete_queue(&other);
    assert_eq!(broker.queues().len(), 1);
    broker.close_all_connections("for the test");
    eventually("connections are closed", || broker.connections().is_empty());
    broker.write_down();
    broker.kill();
    broker.wipe();
    broker.start_again();
    assert_eq!(broker.queues(), []);
    let client = RawClient::connect(&broker.url()).await;
    client.declare(&queue).await;
}

#[test]
#[should_panic(expected = "still uses its data")]
fn a_running_node_is_not_wiped() {
    Broker::shared().wipe();
}

#[test]
fn a_node_without_descriptors_lets_clients_wait() {
    let broker = Broker::builder().descriptor_limit(110).start();
    let greet = || {
        let mut stream = TcpStream::connect(("127.0.0.1", broker.port())).unwrap();
        stream.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
        stream
    };
    let is_answered = |mut stream: &TcpStream, limit| {
        stream.set_read_timeout(Some(limit)).unwrap();
        stream.read_exact(&mut [0]).is_ok()
    };
    let mut answered = Vec::new();
    // What the harness itself had open is gone a moment later.
    let waiting = loop {
        let client = greet();
        if !is_answered(&client, Duration::from_secs(3)) {
            break client;
        }
        answered.push(client);
        assert!(answered.len() < 20, "there is no limit");
    };
    assert!(!answered.is_empty());
    drop(answered);
    assert!(is_answered(&waiting, Duration::from_secs(20)));
}
