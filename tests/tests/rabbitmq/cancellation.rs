//! A call that is given up ends in the process that runs it, and in those that this one waits for.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rpc_amqp::AmqpTransport;
use rpc_core::{Server, Target, service};
use tests::broker::{Broker, unique};
use tests::ledger::{Entry, Ledger, now};
use tests::raw::eventually;

/// How soon a server has to hear of it, in microseconds.
const SOON: u64 = 100_000;
const ROUNDS: usize = 9;

#[service]
trait Long {
    /// Takes a minute.
    #[call(timeout = "2m")]
    async fn work(&self, name: String);
    /// As `work`, at another server.
    #[call(timeout = "2m")]
    async fn delegate(&self, name: String);
    /// As `work`, and takes half a second, whoever waits.
    #[call(timeout = "2m", uncancellable)]
    async fn finish(&self, name: String);
}

struct Writing {
    ledger: Ledger,
    client: LongClient,
}

/// Writes down that a method was dropped, unless it was told to end.
struct Runs<'a>(&'a Ledger, String);

impl<'a> Runs<'a> {
    fn new(ledger: &'a Ledger, name: &str) -> Self {
        ledger.write("started", name);
        Self(ledger, name.to_owned())
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.write("dropped", &self.1);
    }
}

impl Long for Writing {
    async fn work(&self, name: String) {
        let _runs = Runs::new(&self.ledger, &name);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    async fn delegate(&self, name: String) {
        let _runs = Runs::new(&self.ledger, &format!("{name}-delegated"));
        let _ = self.client.work(name).await;
    }

    async fn finish(&self, name: String) {
        self.ledger.write("started", &name);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.ledger.write("ended", &name);
    }
}

/// Two server processes.
struct Scene {
    exchange: String,
    path: PathBuf,
    ledger: Ledger,
    children: Vec<Child>,
    client: LongClient,
    _transport: AmqpTransport,
}

fn target(exchange: &str) -> Target {
    Target::topic("long").exchange(exchange)
}

impl Scene {
    async fn new() -> Self {
        let exchange = unique("cancellation");
        let path = std::env::temp_dir().join(format!("rpc-{}-{exchange}", std::process::id()));
        let ledger = Ledger::open(&path);
        let transport = AmqpTransport::builder(Broker::shared().url()).connect().await.unwrap();
        let client = LongClient::new(&transport, target(&exchange)).prepare(|it| it.server("one"));
        let mut scene = Self { exchange, path, ledger, children: Vec::new(), client, _transport: transport };
        for name in ["one", "two"] {
            scene.children.push(scene.process(name));
            scene.wrote("ready", name).await;
        }
        scene
    }

    /// Starts the test `server_process` of this binary, which is no test unless it is told what to do.
    fn process(&self, name: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cancellation::server_process", "--ignored", "--nocapture"])
            .env("RPC_CANCELLATION_URL", Broker::shared().url())
            .env("RPC_CANCELLATION_EXCHANGE", &self.exchange)
            .env("RPC_CANCELLATION_LEDGER", &self.path)
            .env("RPC_CANCELLATION_SERVER", name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// What was written down of that, which is waited for.
    async fn wrote(&self, event: &str, subject: &str) -> Entry {
        let entry = eventually(async || {
            self.ledger.read().into_iter().find(|entry| entry.event == event && entry.subject == subject)
        });
        entry.await.unwrap_or_else(|| panic!("no {event} {subject}: {:?}", self.ledger.read()))
    }

    fn end(mut self) {
        for child in &mut self.children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn told(name: &str) -> String {
    std::env::var(name).expect("started by another test of this file")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the server process of other tests"]
async fn server_process() {
    let (exchange, name) = (told("RPC_CANCELLATION_EXCHANGE"), told("RPC_CANCELLATION_SERVER"));
    let ledger = || Ledger::open(Path::new(&told("RPC_CANCELLATION_LEDGER")));
    let transport = AmqpTransport::builder(told("RPC_CANCELLATION_URL")).connect().await.unwrap();
    let client = LongClient::new(&transport, target(&exchange)).prepare(|it| it.server("two"));
    let endpoint = Writing { ledger: ledger(), client }.into_endpoint();
    let server = Server::builder(&transport, target(&exchange).server(&*name)).endpoint(endpoint);
    let _server = server.start().await.unwrap();
    ledger().write("ready", &name);
    std::future::pending().await
}

/// The rest of the machine may be busy for once, and not most of the time.
fn assert_most_are_soon(mut took: Vec<u64>) {
    took.sort_unstable();
    assert!(took[took.len() / 2] <= SOON, "microseconds: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_of_a_minute_ends_at_its_server_at_once() {
    let scene = Scene::new().await;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("work-{round}");
        let call = tokio::spawn(scene.client.work(name.clone()).into_future());
        scene.wrote("started", &name).await;
        let given_up = now();
        call.abort();
        took.push(scene.wrote("dropped", &name).await.at.saturating_sub(given_up));
    }
    assert_most_are_soon(took);
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_ends_at_the_server_behind_its_server_too() {
    let scene = Scene::new().await;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("nested-{round}");
        let call = tokio::spawn(scene.client.delegate(name.clone()).into_future());
        scene.wrote("started", &name).await;
        let given_up = now();
        call.abort();
        let first = scene.wrote("dropped", &format!("{name}-delegated")).await;
        let second = scene.wrote("dropped", &name).await;
        assert_ne!(first.process, second.process);
        took.push(second.at.saturating_sub(given_up));
    }
    assert_most_are_soon(took);
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncancellable_method_runs_to_its_end() {
    let scene = Scene::new().await;
    let call = tokio::spawn(scene.client.finish("it".to_owned()).into_future());
    scene.wrote("started", "it").await;
    call.abort();
    scene.wrote("ended", "it").await;
    scene.end();
}
