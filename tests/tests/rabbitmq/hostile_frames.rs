//! Messages that the AMQP library below cannot read harm nobody: they would overflow its stack, which ends the process, or
//! end its connection, and then go back to their queue and on to the next process.

use std::time::Duration;

use rpc_amqp::{AmqpTransport, AmqpTransportBuilder};
use rpc_core::{Listener, Notifier, Server, Target, Value};
use tests::broker::{Broker, Certificates, ClientCertificate};
use tests::raw::frames::{Frames, Properties};
use tests::raw::{LIMIT, RawClient, eventually};

use crate::service::{SumsClient, endpoint};

const REQUESTS: &str = "rpc.default.sums";
const NOTIFICATIONS: &str = "notify.default.events.info";

/// A message of a stranger, and a word of the reason for which it is rejected.
struct Hostile {
    name: &'static str,
    properties: Option<Properties>,
    reason: &'static str,
}

impl Hostile {
    fn with(name: &'static str, properties: Properties, reason: &'static str) -> Self {
        Self { name, properties: Some(properties), reason }
    }

    fn all() -> Vec<Self> {
        const BAD: &[u8] = b"caf\xe9";
        vec![
            Self::with("1,500 tables", Properties::nested_headers(1_500), "nested"),
            Self::with("15,000 tables", Properties::nested_headers(15_000), "nested"),
            Self::with("26,000 arrays", Properties::nested_arrays(26_000), "nested"),
            Self::with("correlation id", Properties::correlation_id(BAD), "UTF-8"),
            Self::with("message id", Properties::message_id(BAD), "UTF-8"),
            Self::with("name of a header", Properties::header_named(BAD), "UTF-8"),
            Self { name: "routing key", properties: None, reason: "UTF-8" },
        ]
    }

    fn send(&self, sender: &mut Frames, queue: &str) {
        match &self.properties {
            Some(properties) => sender.publish("", queue, properties),
            None => sender.publish("", b"caf\xe9", &Properties::copied_to(queue)),
        }
    }
}

async fn harms_nobody(broker: &Broker, builder: impl Fn() -> AmqpTransportBuilder, is_encrypted: bool) {
    let connect = async || builder().connect().await.unwrap();
    let (at_server, at_listener, at_client) = (connect().await, connect().await, connect().await);
    let target = Target::topic("sums");
    let server = Server::builder(&at_server, target.clone()).endpoint(endpoint()).start().await.unwrap();
    let mut events = Listener::builder(&at_listener, ["events"]).start::<Value>().await.unwrap();
    let client = SumsClient::new(&at_client, target);
    let notifier = Notifier::new(&at_client, "test").topics(["events"]);
    assert_eq!(client.square(3).await.unwrap(), 9);
    let replies = broker.queues().into_iter().find(|queue| queue.name.starts_with("reply."));
    let replies = replies.expect("the client has a reply queue").name;
    let queues = [REQUESTS, NOTIFICATIONS, &replies];

    let stranger = RawClient::connect(&broker.url()).await;
    let mut sender = Frames::connect(broker.port());
    for hostile in Hostile::all() {
        let name = hostile.name;
        for queue in queues {
            hostile.send(&mut sender, queue);
        }
        assert_eq!(client.square(4).await.unwrap(), 16, "{name}");
        notifier.info("after", &name).await.unwrap();
        let event = tokio::time::timeout(LIMIT, events.next()).await.expect(name).unwrap();
        assert_eq!(event.event_type(), "after", "{name}");
        event.ack().await.unwrap();
        for dead in ["dlq.default.sums", "dlq.default.events"] {
            let message = stranger.take(dead).await;
            assert_eq!(message.body, b"x", "{name}, {dead}");
            assert_eq!(message.header("dead-letter-code").as_deref(), Some("malformed"), "{name}, {dead}");
            let reason = message.header("dead-letter-reason").unwrap();
            assert!(reason.contains(hostile.reason), "{name}, {dead}: {reason}");
        }
    }

    // Nothing is on its way around, and no connection was lost on the way here.
    let idle = async || {
        let is_idle = |name| {
            broker.queue(name).is_some_and(|it| (it.messages, it.unacknowledged, it.consumers) == (0, 0, 1))
        };
        queues.into_iter().all(is_idle).then_some(())
    };
    assert!(eventually(idle).await.is_some(), "{:?}", broker.queues());
    for transport in [&at_server, &at_listener, &at_client] {
        assert_eq!(transport.status().now().epoch, 1);
    }
    assert_eq!(at_client.as_ref().pending_calls(), 0);
    assert_eq!(broker.connections().iter().any(|connection| connection.ssl), is_encrypted);
    server.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lapin_cannot_read_harms_nobody() {
    let broker = Broker::start();
    harms_nobody(&broker, || AmqpTransport::builder(broker.url()), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lapin_cannot_read_harms_nobody_with_tls() {
    let certificates = Certificates::generate();
    let broker = Broker::builder().tls(certificates.clone(), ClientCertificate::NotAsked).start();
    let builder = || AmqpTransport::builder(broker.tls_url()).ca_certificates(&certificates.authority);
    harms_nobody(&broker, builder, true).await;
}
