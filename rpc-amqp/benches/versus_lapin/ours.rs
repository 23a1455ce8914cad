//! Our side: a service as a user of the framework writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rpc_amqp::AmqpTransport;
use rpc_core::{Listener, Notifier, Priority, Server, Target, service};

use super::requester::Requester;
use super::role::{FANOUT_SERVERS, PREFETCH};

/// What is measured.
#[service]
pub(crate) trait Work {
    /// Returns what it got.
    #[call]
    async fn echo(&self, body: String) -> String;
    /// Counts.
    #[cast]
    async fn note(&self, body: String);
    /// Counts, on every server.
    #[fanout]
    async fn note_all(&self, body: String);
}

struct Counter(Arc<AtomicU64>);

impl Work for Counter {
    async fn echo(&self, body: String) -> String {
        body
    }

    async fn note(&self, _: String) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    async fn note_all(&self, _: String) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The one server of the topic for requests, and those of the topic for fanouts.
pub(crate) struct OurServer {
    transport: AmqpTransport,
    _servers: Vec<Server>,
}

impl OurServer {
    pub(crate) async fn start(url: &str, count: Arc<AtomicU64>) -> Self {
        let transport = AmqpTransport::builder(url).service_name("ours").connect().await.unwrap();
        let mut targets = vec![Target::topic("work")];
        targets.extend((0..FANOUT_SERVERS).map(|number| Target::topic("all").server(number.to_string())));
        let mut servers = Vec::new();
        for target in targets {
            let endpoint = Counter(Arc::clone(&count)).into_endpoint();
            let server = Server::builder(&transport, target).workers(PREFETCH).endpoint(endpoint);
            servers.push(server.start().await.unwrap());
        }
        // Its queue is there from now on.
        listener(&transport).await.close().await;
        Self { transport, _servers: servers }
    }

    pub(crate) async fn collect(&self, count: u64) -> Duration {
        let mut listener = listener(&self.transport).await;
        let mut first = None;
        for _ in 0..count {
            let event = listener.next().await.expect("the listener is open");
            first.get_or_insert_with(Instant::now);
            event.ack().await.unwrap();
        }
        // Returns when the broker was told of all acknowledgements, and has answered.
        listener.close().await;
        first.map_or(Duration::ZERO, |first| first.elapsed())
    }
}

async fn listener(transport: &AmqpTransport) -> Listener<String> {
    let listener = Listener::builder(transport, ["events"]).priorities([Priority::Info]).prefetch(PREFETCH);
    listener.start().await.unwrap()
}

/// One transport, one client per topic, one notifier.
#[derive(Clone)]
pub(crate) struct OurClient {
    one: WorkClient,
    all: WorkClient,
    notifier: Notifier,
}

impl OurClient {
    pub(crate) async fn connect(url: &str) -> Self {
        let transport = AmqpTransport::builder(url).service_name("ours").connect().await.unwrap();
        Self {
            one: WorkClient::new(&transport, Target::topic("work")),
            all: WorkClient::new(&transport, Target::topic("all")),
            notifier: Notifier::new(&transport, "bench").topics(["events"]),
        }
    }
}

impl Requester for OurClient {
    async fn call(&self, body: &str) {
        let answer = self.one.echo(body.to_owned()).await.unwrap();
        assert_eq!(answer.len(), body.len());
    }

    async fn cast(&self, body: &str) {
        self.one.note(body.to_owned()).await.unwrap();
    }

    async fn fanout(&self, body: &str) {
        self.all.note_all(body.to_owned()).await.unwrap();
    }

    async fn notify(&self, body: &str) {
        self.notifier.info("bench.event", body).await.unwrap();
    }
}
