//! A server's answers about itself.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServerBuilder;
use super::cancellations::Cancellations;
use super::handle::Handler;
use super::statistics::Statistics;
use super::work::Intake;
use crate::cancellation;
use crate::codec::{self, compression};
use crate::error::Error;
use crate::health::HealthWatch;
use crate::interface::Interface;
use crate::introspection::{
    HealthReport, Info, InterfaceDescription, Introspection, IntrospectionEndpoint, Selection,
    ServerIdentity, Stats, target,
};
use crate::message::Message;
use crate::rejections::Rejections;
use crate::transport::{ConsumeOptions, Consumer, Delivery, SharedTransport, Source};

/// How many questions are answered at a time.
const WORKERS: u16 = 4;
/// How many more wait in the process.
const PREFETCH: u16 = 16;

/// How long after a refusal the queue of questions is asked for again: what the broker does not allow, somebody can allow. Twice
/// as long after each further one, since brokers log them.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What is told about a server.
pub(super) struct Introspected {
    pub(super) identity: ServerIdentity,
    pub(super) program_version: Option<String>,
    pub(super) workers: u16,
    pub(super) interfaces: Vec<Interface>,
    pub(super) statistics: Arc<Statistics>,
    pub(super) running: TaskTracker,
    pub(super) rejections: Arc<Rejections>,
    pub(super) health: HealthWatch,
    pub(super) started: Instant,
    pub(super) started_ms: u64,
}

/// Tells questions to this server from those to others, and from cancellations, which it carries out.
#[derive(Debug)]
pub(super) struct Selector {
    identity: ServerIdentity,
    cancellations: Arc<Cancellations>,
    max_message_size: usize,
}

/// Takes questions in and answers them.
pub(super) struct Answering {
    transport: SharedTransport,
    source: Source,
    intake: Intake,
}

impl Answering {
    /// Answers as `builder` says, until `kill`.
    pub(super) fn new(
        builder: ServerBuilder,
        introspected: Introspected,
        cancellations: Arc<Cancellations>,
        kill: &CancellationToken,
    ) -> Result<Self, Error> {
        let transport = builder.transport.clone();
        let selector = Selector {
            identity: introspected.identity.clone(),
            cancellations,
            max_message_size: transport.capabilities().max_message_size,
        };
        let source = Source::Requests(builder.target.clone().fanout());
        let builder = builder.endpoint(IntrospectionEndpoint::new(introspected));
        let running = TaskTracker::new();
        let intake = Intake {
            handler: Arc::new(Handler::new(builder, running.clone(), (kill.clone(), kill.clone()))?),
            workers: Arc::new(Semaphore::new(WORKERS.into())),
            running,
            stop: kill.clone(),
            fanout: true,
            selector: Some(selector),
        };
        Ok(Self { transport, source, intake })
    }

    /// Where questions come from.
    pub(super) async fn listen(&self) -> Result<Box<dyn Consumer>, Error> {
        let options = ConsumeOptions::new().prefetch(PREFETCH);
        self.transport.transport().consume(self.source.clone(), options).await
    }

    /// Answers what comes from there; if that was refused, once it is not. Gives the consumer back, through which what still
    /// runs is settled.
    pub(super) async fn run(self, listening: Option<Box<dyn Consumer>>) -> Option<Box<dyn Consumer>> {
        let consumer = match listening {
            Some(consumer) => consumer,
            None => self.intake.stop.run_until_cancelled(self.listen_again()).await?,
        };
        Some(self.intake.run(consumer).await)
    }

    async fn listen_again(&self) -> Box<dyn Consumer> {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            match self.listen().await {
                Ok(consumer) => {
                    tracing::info!(source = %self.source, "can be asked now");
                    return consumer;
                }
                Err(error) => tracing::debug!(source = %self.source, %error, "still cannot be asked"),
            }
            pause = LONGEST_PAUSE.min(2 * pause);
        }
    }
}

impl ServerBuilder {
    /// The settings of what answers questions about this server: who may ask is decided as for its own methods.
    pub(super) fn for_introspection(&self) -> Self {
        let name = self.target.server_name().unwrap_or_default();
        let target = target().exchange(self.target.exchange_name()).server(name);
        Self {
            access: Arc::clone(&self.access),
            accept: self.accept.clone(),
            compression: self.compression,
            introspection: Some(false),
            // Fanouts come once, so there is nothing to remember.
            dedupe_window: (Duration::ZERO, 0),
            ..Self::new(self.transport.clone(), target)
        }
    }
}

impl Selector {
    /// Whether this is a question for this server. What cannot be read is for whoever answers, who says so.
    ///
    /// A cancellation is carried out here, before anything waits for a worker. No access policy is asked: whoever knows the id
    /// of a call is its caller.
    pub(super) fn takes(&self, delivery: &Delivery) -> bool {
        let Ok(Message::Request(request)) = delivery.message() else { return true };
        if cancellation::is_cancellation(request) {
            let cancelled = cancellation::read(request, self.max_message_size);
            if let Some(cancelled) = cancelled.filter(|cancelled| cancelled.selection.means(&self.identity)) {
                self.cancellations.cancel(cancelled);
            }
            return false;
        }
        let arguments = compression::inflate(request.arguments.clone(), self.max_message_size);
        let selection = arguments.ok().and_then(|arguments| codec::decode_map::<Selection>(&arguments).ok());
        selection.is_none_or(|selection| selection.means(&self.identity))
    }
}

impl Introspected {
    fn uptime_ms(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }
}

impl Introspection for Introspected {
    async fn ping(&self, _: Option<String>, _: Option<String>) -> ServerIdentity {
        self.identity.clone()
    }

    async fn info(&self, _: Option<String>, _: Option<String>) -> Info {
        Info {
            server: self.identity.clone(),
            host: host_name(),
            process: std::process::id(),
            program: program_name(),
            program_version: self.program_version.clone(),
            framework: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            started_ms: self.started_ms,
            uptime_ms: self.uptime_ms(),
            workers: self.workers,
            interfaces: self.interfaces.iter().map(InterfaceDescription::new).collect(),
        }
    }

    async fn stats(&self, _: Option<String>, _: Option<String>) -> Stats {
        Stats {
            server: self.identity.clone(),
            uptime_ms: self.uptime_ms(),
            workers: self.workers,
            running: self.running.len() as u64,
            rejected: self.rejections.total(),
            refused: self.statistics.refusals(),
            methods: self.statistics.methods(&self.interfaces),
        }
    }

    async fn health(&self, _: Option<String>, _: Option<String>) -> HealthReport {
        HealthReport::new(self.identity.clone(), &self.health.now())
    }
}

/// Now, by the clock of this host.
pub(super) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn program_name() -> String {
    let path = std::env::current_exe().ok();
    path.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())).unwrap_or_default()
}

/// Where Linux says it; other systems tell their programs by an environment variable.
fn host_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    told.or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
        .unwrap_or_default()
}
