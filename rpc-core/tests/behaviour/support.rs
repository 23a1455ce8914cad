//! A service that does what a test needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{Context, MemoryTransport, Server, ServerBuilder, SharedTransport, Target, service};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub(crate) enum Refused {
    #[error("not {0}")]
    Not(String),
}

#[service(version = "1.2")]
pub(crate) trait Work {
    /// Answers at once.
    #[call]
    async fn double(&self, number: i64) -> i64;
    /// Answers with as much.
    #[call]
    async fn text(&self, text: String) -> String;
    /// Ends in an error of its own.
    #[call]
    async fn refuse(&self, what: String) -> Result<(), Refused>;
    /// Panics.
    #[call]
    async fn crash(&self);
    /// Sleeps, at most 100 ms by the client's clock.
    #[call(timeout = "100ms")]
    async fn sleep(&self, milliseconds: u64);
    /// Waits for a permit of the test.
    #[call]
    async fn wait(&self, name: String) -> String;
    /// As `wait`, and may run again.
    #[call(idempotent)]
    async fn wait_idempotent(&self, ctx: &Context, name: String) -> u32;
    /// As `wait`, and never runs again.
    #[call(at_most_once)]
    async fn wait_once(&self, name: String) -> String;
    /// As `wait`, without a reply. The first attempt of `fails at first` panics then.
    #[cast]
    async fn note(&self, ctx: &Context, name: String);
    /// Panics, without a reply.
    #[cast]
    async fn crash_quietly(&self);
    /// Told to everybody.
    #[fanout(since = "1.2")]
    async fn tell(&self, name: String);
}

/// What the service did, and what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    lines: Mutex<Vec<String>>,
    running: AtomicUsize,
    most: AtomicUsize,
    pub(crate) cancelled: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) journal: Arc<Journal>,
    pub(crate) permits: Arc<Semaphore>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self { journal: Arc::default(), permits: Arc::new(Semaphore::new(0)) }
    }

    /// What was done, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.journal.lines.lock().unwrap().clone()
    }

    pub(crate) fn most_at_a_time(&self) -> usize {
        self.journal.most.load(Ordering::Relaxed)
    }

    pub(crate) fn cancelled(&self) -> usize {
        self.journal.cancelled.load(Ordering::Relaxed)
    }

    fn write(&self, line: impl Into<String>) {
        self.journal.lines.lock().unwrap().push(line.into());
    }

    /// Runs until the test gives a permit, and counts who runs beside.
    async fn until_permitted(&self) {
        let running = Running::new(&self.journal);
        self.permits.acquire().await.unwrap().forget();
        running.finished();
    }
}

struct Running<'a>(&'a Journal, bool);

impl<'a> Running<'a> {
    fn new(journal: &'a Journal) -> Self {
        let running = journal.running.fetch_add(1, Ordering::Relaxed) + 1;
        journal.most.fetch_max(running, Ordering::Relaxed);
        Self(journal, false)
    }

    fn finished(mut self) {
        self.1 = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        if !self.1 {
            self.0.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Work for Worker {
    async fn double(&self, number: i64) -> i64 {
        self.write(format!("double {number}"));
        number * 2
    }

    async fn text(&self, text: String) -> String {
        text
    }

    async fn refuse(&self, what: String) -> Result<(), Refused> {
        Err(Refused::Not(what))
    }

    async fn crash(&self) {
        panic!("asked to");
    }

    async fn sleep(&self, milliseconds: u64) {
        let running = Running::new(&self.journal);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        running.finished();
    }

    async fn wait(&self, name: String) -> String {
        self.write(format!("start {name}"));
        self.until_permitted().await;
        self.write(format!("end {name}"));
        name
    }

    async fn wait_idempotent(&self, ctx: &Context, name: String) -> u32 {
        let attempt = ctx.attempt;
        self.write(format!("start {name} {attempt}"));
        self.until_permitted().await;
        self.write(format!("end {name} {attempt}"));
        attempt
    }

    async fn wait_once(&self, name: String) -> String {
        self.wait(name).await
    }

    async fn note(&self, ctx: &Context, name: String) {
        let attempt = ctx.attempt;
        self.write(format!("start {name} {attempt}"));
        self.until_permitted().await;
        assert!(name != "fails at first" || attempt > 1, "asked to");
        self.write(format!("end {name} {attempt}"));
    }

    async fn crash_quietly(&self) {
        panic!("asked to");
    }

    async fn tell(&self, name: String) {
        self.write(format!("told {name}"));
    }
}

pub(crate) fn target() -> Target {
    Target::topic("work")
}

pub(crate) fn builder(transport: &SharedTransport, name: &str, worker: &Worker) -> ServerBuilder {
    Server::builder(transport, target().server(name)).endpoint(WorkEndpoint::new(worker.clone()))
}

/// A broker with one server, and a client of it on a connection of its own.
pub(crate) async fn one_server() -> (WorkClient, Worker, Server, MemoryTransport) {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let server = builder(&transport.broker().connect().into(), "a", &worker).start().await.unwrap();
    (WorkClient::new(&transport, target()), worker, server, transport)
}

/// Lets everything that can run do so, and some time pass.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
