//! The harness keeps its own promises.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::broker::{Broker, unique};
use tests::ledger::Ledger;
use tests::raw::{Message, RawClient, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_back_as_it_was_sent() {
    let client = RawClient::connect(&Broker::shared().url()).await;
    let queue = unique("harness");
    client.declare(&queue).await;
    let mut sent = Message::request("ping", b"\x80").answered_at("somewhere", "c0ffee");
    sent.content_encoding = Some("none".into());
    sent.expiration = Some("60000".into());
    sent.persistent = true;

    assert!(client.publish("", &queue, &sent).await);
    let got = client.take(&queue).await;

    assert_eq!(got, sent);
    assert_eq!(got.header("method").as_deref(), Some("ping"));
    assert_eq!(got.header("timeout-ms").as_deref(), Some("10000"));
    assert_eq!(client.get(&queue).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_nobody_is_noticed() {
    let client = RawClient::connect(&Broker::shared().url()).await;
    assert!(!client.publish("", &unique("nobody"), &Message::new("lost")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listing_counts_messages_and_consumers() {
    let broker = Broker::shared();
    let client = RawClient::connect(&broker.url()).await;
    let queue = unique("harness");
    client.declare(&queue).await;
    assert!(client.publish("", &queue, &Message::new("1")).await);
    assert!(client.publish("", &queue, &Message::new("2")).await);
    let replies = client.reply_queue().await;

    // Statistics of a queue follow its changes a little later.
    let counted = eventually(async || {
        let (queue, replies) = (broker.queue(&queue)?, broker.queue(replies.address())?);
        ((queue.messages, queue.consumers, replies.messages, replies.consumers) == (2, 0, 0, 1)).then_some(())
    });
    assert!(counted.await.is_some(), "{:?}", broker.queues());
    assert!(broker.connections().iter().any(|it| it.name == "raw" && it.user == "guest" && !it.ssl));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_vhosts_with_odd_names_can_connect() {
    let broker = Broker::shared();
    let (user, password, vhost) = (unique("user"), "p@ss:w/rd%", unique("v/host"));
    broker.ctl(&["add_vhost", &vhost]);
    broker.ctl(&["add_user", &user, password]);
    broker.ctl(&["set_permissions", "--vhost", &vhost, &user, ".*", ".*", ".*"]);

    let client = RawClient::connect(&broker.url_for(&user, password, &vhost)).await;
    client.declare("anything").await;
    assert!(broker.ctl(&["list_queues", "--vhost", &vhost, "name"]).contains("anything"));
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_messages_survive_a_kill() {
    let broker = Broker::start();
    let queue = unique("harness");
    let client = RawClient::connect(&broker.url()).await;
    client.declare(&queue).await;
    let persistent = Message { persistent: true, ..Message::new("kept") };
    let transient = Message::new("lost");
    for message in [&persistent, &transient, &persistent] {
        assert!(client.publish("", &queue, message).await);
    }

    broker.write_down();
    broker.kill();
    broker.start_again();

    let kept = broker.queue(&queue).map(|queue| queue.messages);
    assert_eq!(kept, Some(2), "{}", broker.log());
    let client = RawClient::connect(&broker.url()).await;
    assert_eq!(client.take(&queue).await, persistent);
    assert_eq!(client.take(&queue).await, persistent);
    assert_eq!(client.get(&queue).await, None);

    broker.stop();
    assert!(broker.log().contains("SIGTERM received"), "{}", broker.log());
    assert!(TcpStream::connect(("127.0.0.1", broker.port())).is_err());
}

#[test]
fn a_node_is_gone_with_the_process_that_started_it() {
    // The command reports its node, and ends when we close its input: later than `with-broker`, which is killed.
    let report = "echo $RPC_TRANSPORT_URL; ls -d ${TMPDIR:-/tmp}/rpc-tests-$PPID-*; exec cat";
    let mut process = Command::new(env!("CARGO_BIN_EXE_with-broker"))
        .args(["sh", "-c", report])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let (url, folder) = (line(), line());
    let address = url.rsplit_once('@').unwrap().1.to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    assert!(Path::new(&folder).is_dir());

    let command_input = process.stdin.take();
    process.kill().unwrap();
    process.wait().unwrap();

    let is_gone = || TcpStream::connect(&address).is_err() && !Path::new(&folder).exists();
    let gone = (0..200).any(|_| {
        is_gone() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }
    });
    drop(command_input);
    assert!(gone, "{address} or {folder} is still there after 10 s");
}

#[test]
fn a_ledger_keeps_every_line_in_order() {
    let path = std::env::temp_dir().join(format!("rpc-ledger-{}-{}", std::process::id(), unique("test")));
    let (one, other) = (Ledger::open(&path), Ledger::open(&path));
    one.write("started", "a");
    other.write("started", "b");
    one.write("ended", "a");

    let events: Vec<_> = one.read().into_iter().map(|entry| (entry.event, entry.subject)).collect();
    std::fs::remove_file(&path).unwrap();

    let expected = [("started", "a"), ("started", "b"), ("ended", "a")];
    assert_eq!(events, expected.map(|(event, subject)| (event.to_owned(), subject.to_owned())));
}
