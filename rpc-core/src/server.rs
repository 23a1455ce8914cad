//! Serves endpoints on a target.

mod beats;
mod builder;
mod cancellations;
mod dedupe;
mod duplicates;
mod gone;
mod handle;
mod introspect;
mod patience;
mod ping;
mod progress;
mod respond;
mod routes;
mod statistics;
mod work;
mod worker;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::ServerBuilder;
use self::handle::Handler;
use self::introspect::{Answering, Introspected};
use crate::error::Error;
use crate::health::{Consumed, HealthWatch, Stages};
use crate::introspection::ServerIdentity;
use crate::rejections::Rejections;
use crate::target::Target;
use crate::transport::{ConsumeOptions, Consumer, SharedTransport, Source};

/// Serves endpoints on a target until it is shut down.
///
/// It takes requests for any server of its topic, for itself by name, and for all servers of the topic. Each
/// runs in a task of its own, at most [`ServerBuilder::workers`] at a time.
///
/// When a request is acknowledged decides what a crash can cost:
///
/// | request | acknowledged | after a crash |
/// |---|---|---|
/// | call | when a worker is free, right before it starts | what ran is lost, what waited goes to another server; what had started within the last moments may run there, too |
/// | call, at most once | as a call; one that was delivered before is refused, as `unknown` | lost, or refused |
/// | call, idempotent | after its reply was confirmed | runs again, with `attempt > 1` |
/// | cast | after it ran | runs again, with `attempt > 1` |
/// | fanout | right before it starts | lost |
///
/// A handler of a call is dropped at its caller's deadline, wherever it stands, since nobody waits any more: it has to
/// be cancel-safe, or hand such work to a task of its own. Casts and fanouts have no such limit.
///
/// It is dropped likewise when its caller gives the [call](crate::Call) up, unless the method is `uncancellable`; what has not
/// started does not. Either is settled as if it had run, and nobody is answered. Cancellations come where questions about the
/// server come, so they wait behind no request; the last 65,536 are remembered until the deadlines of their calls, ten
/// minutes at most, since requests can be in their queues still.
///
/// What runs again does so at most as often as [`ServerBuilder::delivery_limit`] says. A server that can see only that a
/// message was delivered before puts it to the end of its queue, counted, instead of running it; so what comes again may
/// run after what was sent later.
///
/// A message that comes twice to one server, because a link broke or a sender repeated it, is known there for a time
/// ([`ServerBuilder::dedupe_window`]): a call runs once and is answered again, an idempotent call is answered again if
/// its reply is still held, and a second copy of a cast runs only if the first has failed.
///
/// A reply whose address is gone for a moment is sent again for as long as the caller waits, a minute at most, without a
/// worker; at most 256 at a time, and only once to a caller who has been away for 5 s. An idempotent call whose reply waits
/// so, beside half as many others as there are workers, is acknowledged at once: a crash then costs its reply.
///
/// A caller who asks for it ([`Call::call_monitor`](crate::Call::call_monitor)) is told every now and then that its method
/// is running, until the answer, and also while the handler blocks its thread, if the runtime has another one. A caller who
/// listens hears of the method's [`Progress`](crate::Progress) before the answer, too.
///
/// It answers questions about itself beside all this, also while it drains ([`introspection`](crate::introspection)).
///
/// A request that cannot be run is answered with a typed error if it has a reply address, and moved to the
/// dead-letter queue with the reason otherwise.
#[must_use = "dropping a server stops it at once"]
pub struct Server {
    name: String,
    stop: CancellationToken,
    kill: CancellationToken,
    ended: CancellationToken,
    running: TaskTracker,
    loops: JoinSet<Box<dyn Consumer>>,
    /// What answers questions about this server, also while it drains.
    introspection: JoinSet<Option<Box<dyn Consumer>>>,
    health: HealthWatch,
    rejections: Arc<Rejections>,
}

impl Server {
    /// A server of `target` over `transport`. Without a server name the target cannot be addressed alone; a
    /// random name then stands in replies and logs.
    pub fn builder(transport: &impl AsRef<SharedTransport>, target: Target) -> ServerBuilder {
        ServerBuilder::new(transport.as_ref().clone(), target)
    }

    /// The server's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many requests are being handled, those included that wait for a copy that runs, or for their caller to be there.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many messages were moved to the dead-letter queue, because they could not be read or run, or came too often. The
    /// log tells of them every 10 s at most.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejections.total()
    }

    /// How the server is, also after its shutdown: consuming, degraded and why, draining or closed.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    /// Stops taking requests, gives back what has not started, lets what runs finish for at most `grace`, then
    /// leaves its queues. Returns at most 2 s after the grace.
    ///
    /// A handler that is still running then is cancelled: a caller gets
    /// [`Code::Unavailable`](crate::Code::Unavailable), an idempotent call or a cast goes back to the queue.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server at once, as dropping the server does.
    pub async fn shutdown(mut self, grace: Duration) {
        self.stop.cancel();
        self.running.close();
        let drained = async {
            // Kept until the last handler has settled: a consumer that is dropped gives back what still runs.
            let mut consumers = Vec::new();
            while let Some(stopped) = self.loops.join_next().await {
                consumers.extend(stopped.ok());
            }
            self.running.wait().await;
            consumers
        };
        let mut drained = pin!(drained);
        let in_time = tokio::time::timeout(grace, &mut drained).await;
        self.kill.cancel();
        let closing = async {
            let mut consumers = match in_time {
                Ok(consumers) => consumers,
                Err(_) => drained.await,
            };
            while let Some(stopped) = self.introspection.join_next().await {
                consumers.extend(stopped.ok().flatten());
            }
            join_all(consumers.into_iter().map(Consumer::close)).await;
        };
        if tokio::time::timeout(Self::CLOSE_LIMIT, closing).await.is_err() {
            tracing::warn!(server = %self.name, "a handler or the broker did not let go in time");
        }
    }

    /// How long leaving the queues may take after the grace.
    const CLOSE_LIMIT: Duration = Duration::from_millis(1_900);

    async fn start(builder: ServerBuilder) -> Result<Self, Error> {
        let (stop, kill, running) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let target = builder.target.clone();
        let sources = sources(&target, builder.named);
        let workers = Arc::new(Semaphore::new(builder.workers.into()));
        let options = ConsumeOptions::new().prefetch(builder.workers);
        let transport = builder.transport.clone();
        let name = target.server_name().unwrap_or_default().to_owned();
        let (own, program_version, most) =
            (builder.for_introspection(), builder.program_version.clone(), builder.workers);
        let handler = Arc::new(Handler::new(builder, running.clone(), (stop.clone(), kill.clone()))?);

        // All queues exist before the first request is taken, and before this returns.
        let (mut consumers, mut consumed) = (Vec::new(), Vec::new());
        for (source, fanout) in sources {
            let what = source.to_string();
            let consumer = transport.transport().consume(source, options).await?;
            consumed.push(Consumed { what, status: consumer.status() });
            consumers.push((consumer, fanout));
        }
        let rejections = handler.rejections();
        let (beating, killed) = (Arc::clone(&handler), kill.clone());
        tokio::spawn(async move { killed.run_until_cancelled(beating.beats().run()).await });
        let stages = Stages { draining: stop.clone(), ended: CancellationToken::new() };
        let ended = stages.ended.clone();
        let health = HealthWatch::new(transport.status(), consumed, stages);
        let mut loops = JoinSet::new();
        for (consumer, fanout) in consumers {
            let intake = work::Intake {
                handler: Arc::clone(&handler),
                workers: Arc::clone(&workers),
                running: running.clone(),
                stop: stop.clone(),
                fanout,
                selector: None,
            };
            loops.spawn(intake.run(consumer));
        }
        let mut introspection = JoinSet::new();
        if let Some(statistics) = handler.statistics() {
            let introspected = Introspected {
                identity: ServerIdentity::new(&target),
                program_version,
                workers: most,
                interfaces: handler.interfaces().to_vec(),
                statistics,
                running: running.clone(),
                rejections: Arc::clone(&rejections),
                health: health.clone(),
                started: Instant::now(),
                started_ms: introspect::unix_ms(),
            };
            let answering = Answering::new(own, introspected, handler.cancellations(), &kill)?;
            let listening = answering.listen().await;
            if let Err(error) = &listening {
                tracing::warn!(%target, server = %name, %error, "cannot be asked about itself, and tries again now and then");
            }
            introspection.spawn(answering.run(listening.ok()));
        }
        tracing::info!(%target, server = %name, "serving");
        Ok(Self { name, stop, kill, ended, running, loops, introspection, health, rejections })
    }
}

/// Where a server takes requests from, and whether they are fanouts.
fn sources(target: &Target, named: bool) -> Vec<(Source, bool)> {
    let mut sources = vec![(Source::Requests(target.clone().any()), false)];
    if named {
        sources.push((Source::Requests(target.clone()), false));
    }
    sources.push((Source::Requests(target.clone().fanout()), true));
    sources
}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    shareable::<Server>();
};

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
        self.ended.cancel();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("name", &self.name)
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
