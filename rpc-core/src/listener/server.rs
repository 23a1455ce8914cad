//! Calls handlers with the events of a listener.

mod builder;
mod requeue_delay;
mod settle;
mod take;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::NotificationServerBuilder;
use self::settle::Settler;
use self::take::Taker;
use super::group::Dispatcher;
use super::intake::Intake;
use super::rejecter::Rejecter;
use crate::error::Error;
use crate::health::{HealthWatch, Stages};
use crate::rejections::Rejections;

/// Calls handlers with the events of a listener, until it is shut down.
///
/// ```
/// # use std::time::Duration;
/// # use rpc_core::{Listener, MemoryTransport, Notification, NotificationEndpoint, Notifier, Received};
/// #[derive(Notification, serde::Deserialize, serde::Serialize)]
/// #[notification(event_type = "baremetal.node.power_set")]
/// struct PowerSet { node: u64, on: bool }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let transport = MemoryTransport::new();
/// let server = Listener::builder(&transport, ["notifications"])
///     .pool("billing")
///     .endpoint(NotificationEndpoint::new().on(|events: Vec<Received<PowerSet>>| async move {
///         for event in &events {
///             println!("{}: node {}", event.message_id(), event.payload().node);
///         }
///     }))
///     .batch(100, Some(Duration::from_secs(2)))
///     .start()
///     .await?;
///
/// Notifier::new(&transport, "conductor").emit(&PowerSet { node: 7, on: true }).await?;
/// server.shutdown(Duration::from_secs(5)).await;
/// # Ok(()) }
/// ```
///
/// # What becomes of an event
///
/// It goes to every handler that wants it, one after the other, in the order of the endpoints. When all have handled it, it is
/// acknowledged. The first that does not ends that: the event comes again, then to all of them, or goes to the dead-letter
/// queue ([`Disposition`](super::Disposition)). A handler that panics gives its event back, as one that fails does. An event
/// that no handler wants is acknowledged, so all servers of a pool have to want the same.
///
/// # Order
///
/// With a concurrency of 1, the default, events of one topic and priority are handled in the order in which one publisher
/// emitted them, until one comes again.
///
/// # Batches
///
/// Events are handed over together when there are enough, or when the first has waited long enough
/// ([`NotificationServerBuilder::batch`]). Within a batch they are grouped by priority, in order, and each handler gets those
/// of a group that it wants. A batch that a handler does not handle comes again with its whole group.
///
/// # Backpressure
///
/// Beyond the events that are being handled, those of one batch that waits for its turn, and what waits to be given back,
/// nothing is taken from the broker but the [`prefetch`](super::ListenerBuilder::prefetch).
#[must_use = "dropping a server stops it at once"]
pub struct NotificationServer {
    stop: CancellationToken,
    kill: CancellationToken,
    ended: CancellationToken,
    running: TaskTracker,
    waiting: TaskTracker,
    taking: Option<JoinHandle<Intake>>,
    health: HealthWatch,
    rejecter: Rejecter,
}

impl NotificationServer {
    /// How long leaving the queues may take after the grace.
    const CLOSE_LIMIT: Duration = Duration::from_millis(1_900);

    async fn start(builder: NotificationServerBuilder) -> Result<Self, Error> {
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let stages = Stages { draining: stop.clone(), ended: CancellationToken::new() };
        let ended = stages.ended.clone();
        let (running, waiting) = (TaskTracker::new(), TaskTracker::new());
        let NotificationServerBuilder { listener, endpoints, concurrency, batch, requeue_delay } = builder;
        let dispatcher = Dispatcher::new(endpoints, listener.reader())?;
        let intake = Intake::start(listener, stages).await?;
        let (health, rejecter) = (intake.health().clone(), intake.rejecter().clone());
        let settler = Settler {
            delivery_limit: intake.delivery_limit(),
            requeue_delay,
            rejecter: rejecter.clone(),
            waiting: waiting.clone(),
            given_back: Rejections::default(),
            stop: stop.clone(),
        };
        let taker = Taker {
            dispatcher: Arc::new(dispatcher),
            settler: Arc::new(settler),
            workers: Arc::new(Semaphore::new(concurrency)),
            running: running.clone(),
            stop: stop.clone(),
            kill: kill.clone(),
            batch,
        };
        let taking = Some(tokio::spawn(taker.run(intake)));
        Ok(Self { stop, kill, ended, running, waiting, taking, health, rejecter })
    }

    /// How the server is, also after its shutdown: consuming, degraded and why, draining or closed.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    /// How many batches are being handled; without batches, events.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many events were not handled and wait to come again.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How often it has rejected a message, to the dead-letter queue where there are some, with the reason. One that the broker
    /// could not put away comes again, and counts again. The log tells of them at most every ten seconds.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejecter.total()
    }

    /// Stops taking events, gives back what has not started and what waits to come again, lets what runs finish for at most
    /// `grace`, then leaves its queues. Returns at most 2 s after the grace. A handler that runs still is cancelled, and its
    /// events go back.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server at once, as dropping the server does.
    pub async fn shutdown(mut self, grace: Duration) {
        self.stop.cancel();
        self.running.close();
        self.waiting.close();
        let taking = self.taking.take();
        let drained = async {
            // Kept until the last handler has settled: a consumer that is dropped gives back what still runs.
            let intake = match taking {
                Some(taking) => taking.await.ok(),
                None => None,
            };
            self.running.wait().await;
            // After that, since handlers that end give events back.
            self.waiting.wait().await;
            intake
        };
        let mut drained = pin!(drained);
        let in_time = tokio::time::timeout(grace, &mut drained).await;
        self.kill.cancel();
        let closing = async {
            let intake = match in_time {
                Ok(intake) => intake,
                Err(_) => drained.await,
            };
            if let Some(intake) = intake {
                intake.close().await;
            }
        };
        if tokio::time::timeout(Self::CLOSE_LIMIT, closing).await.is_err() {
            tracing::warn!("a handler of notifications or the broker did not let go in time");
        }
    }
}

impl Drop for NotificationServer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
        self.ended.cancel();
    }
}

impl fmt::Debug for NotificationServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NotificationServer").field("running", &self.running()).finish_non_exhaustive()
    }
}
