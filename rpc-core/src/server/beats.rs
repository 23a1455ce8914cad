//! Signs of life for callers who listen for them.

mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use self::schedule::{Landing, Schedule};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed};
use crate::identity::CorrelationId;
use crate::message::{Message, Reply, Request};
use crate::reply_address::ReplyAddress;
use crate::transport::{Destination, SharedTransport};

/// Tells callers who listen for it that their methods are running, each at its own times. One task for a server.
#[derive(Debug)]
pub(super) struct Beats {
    transport: SharedTransport,
    server: Arc<str>,
    schedule: Mutex<Schedule<Caller, Flight>>,
    /// Something is due sooner than the task knows.
    sooner: Notify,
}

/// Whom to tell, and for how long it is worth it.
#[derive(Clone, Debug)]
struct Caller {
    address: ReplyAddress,
    correlation_id: CorrelationId,
    silence: Duration,
    deadline: Option<Deadline>,
}

/// A sign of life on its way. The other end is dropped when it has landed, whatever became of it.
type Flight = oneshot::Receiver<()>;

/// A request whose caller is told that it runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Beating<'a> {
    beats: &'a Beats,
    key: Option<u64>,
}

impl Beats {
    /// The shortest time between two signs of life, whatever a caller asks for.
    const SHORTEST: Duration = Duration::from_millis(50);

    pub(super) fn new(transport: &SharedTransport, server: Arc<str>) -> Self {
        Self {
            transport: transport.clone(),
            server,
            schedule: Mutex::new(Schedule::new()),
            sooner: Notify::new(),
        }
    }

    /// The caller of `request`, which starts to run, is told so from now on, if it listens.
    pub(super) fn start(&self, request: &Request) -> Option<Beating<'_>> {
        let silence = request.call_monitor?;
        let (address, correlation_id) = request.reply_to.clone()?;
        let caller = Caller { address, correlation_id, silence, deadline: request.context.deadline };
        let mut schedule = self.schedule();
        let known = schedule.next();
        let key = schedule.start(Instant::now(), (silence / 2).max(Self::SHORTEST), caller);
        if schedule.next() != known {
            self.sooner.notify_one();
        }
        Some(Beating { beats: self, key: Some(key) })
    }

    /// Sends what is due, for ever. There is one on its way per request that runs, at most.
    pub(super) async fn run(&self) {
        let mut flying = FuturesUnordered::new();
        loop {
            let next = loop {
                let mut landing = None;
                let mut schedule = self.schedule();
                let flight = || {
                    let (sender, flight) = oneshot::channel();
                    landing = Some(sender);
                    flight
                };
                match schedule.take_off(Instant::now(), flight) {
                    Some((key, caller)) => flying.push(self.fly(key, caller, landing)),
                    None => break schedule.next(),
                }
            };
            // Nothing is due for a day, or for ever.
            let next = next.unwrap_or_else(|| Instant::now() + Deadline::LONGEST);
            tokio::select! {
                Some(()) = flying.next() => {}
                () = self.sooner.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Sends one. `landing` is dropped after it has landed.
    async fn fly(&self, key: u64, caller: Caller, landing: Option<oneshot::Sender<()>>) {
        // Later than that its caller has given up.
        let limit = Deadline::after(caller.silence).earlier(caller.deadline);
        let mut reply = Reply::running(caller.correlation_id);
        reply.server = Some(Arc::clone(&self.server));
        reply.time_to_live = Some(limit.remaining());
        let destination = Destination::Reply(caller.address);
        let sent = self.transport.publish(&destination, Message::from(reply), limit).await;
        if let Err(error) = &sent {
            tracing::debug!(server = %self.server, %error, "a sign of life did not reach its caller");
        }
        self.schedule().landed(Instant::now(), key, judge(&sent));
        drop(landing);
    }

    /// Nothing that runs under this lock can panic or wait.
    fn schedule(&self) -> MutexGuard<'_, Schedule<Caller, Flight>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What could not be sent over a link that works finds nobody, or nobody who still waits.
fn judge(sent: &Result<(), Error>) -> Landing {
    match sent {
        Ok(()) => Landing::Arrived,
        Err(error) if error.code() == Code::Unavailable && error.executed() == Executed::Unknown => {
            Landing::Lost
        }
        Err(_) => Landing::Failed,
    }
}

impl Beating<'_> {
    /// The method has ended. When this returns nothing is on its way any more, so that no sign of life comes after the
    /// answer.
    pub(super) async fn end(mut self) {
        let flight = self.key.take().and_then(|key| self.beats.schedule().end(key));
        if let Some(flight) = flight {
            // It is dropped, and says nothing.
            let _ = flight.await;
        }
    }
}

impl Drop for Beating<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            drop(self.beats.schedule().end(key));
        }
    }
}
