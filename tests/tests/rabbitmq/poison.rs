//! A message that ends every process that handles it ends in the dead-letter queue, whoever counts its deliveries.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Context, Listener, Notifier, Server, Target, Value, service};
use tests::broker::{Broker, unique};
use tests::ledger::Ledger;
use tests::raw::{Message, RawClient, eventually};

const LIMIT: u32 = 3;

#[service]
trait Mortal {
    /// Ends the process.
    #[cast]
    async fn die(&self, ctx: &Context);
    /// Does not.
    #[cast]
    async fn live(&self, ctx: &Context);
}

struct Writing(Ledger);

impl Mortal for Writing {
    async fn die(&self, ctx: &Context) {
        self.0.write("die", &ctx.attempt.to_string());
        std::process::abort();
    }

    async fn live(&self, ctx: &Context) {
        self.0.write("live", &ctx.attempt.to_string());
    }
}

/// What a process that is started again and again works on.
struct Scene {
    broker: &'static Broker,
    queue_type: &'static str,
    exchange: String,
    ledger: PathBuf,
}

impl Scene {
    fn new(queue_type: &'static str) -> Self {
        let exchange = unique("poison");
        let ledger = std::env::temp_dir().join(format!("rpc-{}-{exchange}", std::process::id()));
        drop(Ledger::open(&ledger));
        Self { broker: Broker::shared(), queue_type, exchange, ledger }
    }

    async fn transport(&self) -> AmqpTransport {
        let url = format!("{}?queue_type={}", self.broker.url(), self.queue_type);
        AmqpTransport::builder(url).connect().await.unwrap()
    }

    /// Starts the test `process` of this binary, which is no test unless it is told what to do.
    fn process(&self, process: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("poison::{process}"), "--ignored", "--nocapture"])
            .env("RPC_POISON_URL", format!("{}?queue_type={}", self.broker.url(), self.queue_type))
            .env("RPC_POISON_EXCHANGE", &self.exchange)
            .env("RPC_POISON_LEDGER", &self.ledger)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Restarts the process whenever it has ended, until a dead letter of `topic` is there.
    async fn until_dead_letter(&self, process: &str, topic: &str) -> Option<Message> {
        let raw = RawClient::connect(&self.broker.url()).await;
        let queue = format!("dlq.{}.{topic}", self.exchange);
        let mut child = self.process(process);
        let dead = async {
            loop {
                if child.try_wait().unwrap().is_some() {
                    child = self.process(process);
                }
                if let Some(dead) = raw.get(&queue).await {
                    break dead;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let dead = tokio::time::timeout(Duration::from_secs(60), dead).await.ok();
        // The process that put it away is still there, and goes on with the rest.
        let ledger = Ledger::open(&self.ledger);
        assert!(
            eventually(async || ledger.read().iter().find(|entry| entry.event == "live").cloned())
                .await
                .is_some()
        );
        assert!(child.try_wait().unwrap().is_none(), "it has outlived the poison");
        child.kill().unwrap();
        child.wait().unwrap();
        dead
    }

    fn end(self, dead: Option<Message>) {
        let entries = Ledger::open(&self.ledger).read();
        std::fs::remove_file(&self.ledger).unwrap();
        let died: Vec<_> =
            entries.iter().filter(|entry| entry.event == "die").map(|entry| &entry.subject).collect();
        assert_eq!(died, ["1", "2", "3"], "{}: each death is an attempt", self.queue_type);
        let dead = dead.expect("it ends in the dead-letter queue");
        assert_eq!(dead.header("dead-letter-code").as_deref(), Some("too_many_attempts"));
        let reason = dead.header("dead-letter-reason").unwrap();
        assert!(reason.contains("delivered 4 times") && reason.contains("limit is 3"), "{reason}");
    }
}

fn told(name: &str) -> String {
    std::env::var(name).expect("started by another test of this file")
}

fn told_ledger() -> Ledger {
    Ledger::open(Path::new(&told("RPC_POISON_LEDGER")))
}

fn target(exchange: &str) -> Target {
    Target::topic("mortal").exchange(exchange)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the server process of other tests"]
async fn server_process() {
    let transport = AmqpTransport::builder(told("RPC_POISON_URL")).connect().await.unwrap();
    let server = Server::builder(&transport, target(&told("RPC_POISON_EXCHANGE")).server("one"));
    let server = server.endpoint(Writing(told_ledger()).into_endpoint()).delivery_limit(LIMIT).workers(1);
    let _server = server.start().await.unwrap();
    std::future::pending().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the listener process of other tests"]
async fn listener_process() {
    let transport = AmqpTransport::builder(told("RPC_POISON_URL")).connect().await.unwrap();
    let listener = Listener::builder(&transport, ["events"]).exchange(told("RPC_POISON_EXCHANGE"));
    let mut events = listener.prefetch(1).delivery_limit(LIMIT).start::<Value>().await.unwrap();
    let ledger = told_ledger();
    while let Some(event) = events.next().await {
        ledger.write(event.event_type(), &event.attempt().to_string());
        if event.event_type() == "die" {
            std::process::abort();
        }
        event.ack().await.unwrap();
    }
}

async fn a_poisonous_cast_is_put_away(queue_type: &'static str) {
    let scene = Scene::new(queue_type);
    let transport = scene.transport().await;
    let mut first = scene.process("server_process");
    let mortal = MortalClient::new(&transport, target(&scene.exchange));
    let sent = async || mortal.die().await.ok();
    assert!(eventually(sent).await.is_some(), "the first process makes the queue");
    mortal.live().await.unwrap();
    first.wait().unwrap();
    let dead = scene.until_dead_letter("server_process", "mortal").await;
    scene.end(dead);
}

async fn a_poisonous_event_is_put_away(queue_type: &'static str) {
    let scene = Scene::new(queue_type);
    let transport = scene.transport().await;
    let notifier = Notifier::new(&transport, "p").topics(["events"]).exchange(&scene.exchange);
    notifier.info("die", &1).await.unwrap();
    notifier.info("live", &1).await.unwrap();
    let dead = scene.until_dead_letter("listener_process", "events").await;
    scene.end(dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_cast_is_put_away_from_a_classic_queue() {
    a_poisonous_cast_is_put_away("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_cast_is_put_away_from_a_quorum_queue() {
    a_poisonous_cast_is_put_away("quorum").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_is_put_away_from_a_classic_queue() {
    a_poisonous_event_is_put_away("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_is_put_away_from_a_quorum_queue() {
    a_poisonous_event_is_put_away("quorum").await;
}
