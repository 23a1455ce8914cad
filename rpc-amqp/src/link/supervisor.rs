//! The state machine that keeps one connection up.
//!
//! `dial → up → down → wait → dial …`, one attempt at a time, without a limit on attempts once the first has
//! succeeded. There is one listener for the library's events, here, because two would take them from each other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::Event;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::dial::Dialler;
use super::refusal::Refusal;
use super::session::Session;
use super::view::View;

/// How often a connection is looked at besides its events.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// An epoch that lasted so long was a good one: the next wait starts small again.
const GOOD_EPOCH: Duration = Duration::from_secs(30);
/// How long to wait after a refusal that only a person can change.
const FINAL_WAIT: Duration = Duration::from_secs(10);
/// How long an orderly farewell may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// One connection that is kept up.
#[derive(Clone)]
pub(crate) struct Link {
    view: Arc<watch::Sender<View>>,
    stop: CancellationToken,
}

impl Link {
    /// Dials once, and then keeps the connection up in the background until [`Link::close`].
    pub(crate) async fn open(dialler: Arc<Dialler>, purpose: &'static str) -> Result<Self, Refusal> {
        let session = Arc::new(dialler.dial(purpose).await?);
        let link = Self { view: Arc::new(watch::Sender::default()), stop: CancellationToken::new() };
        let supervisor =
            Supervisor { dialler, purpose, view: Arc::clone(&link.view), stop: link.stop.clone() };
        // Before the task runs, so that nobody sees a link that is open and not connected.
        supervisor.announce(&session);
        tokio::spawn(supervisor.run(session));
        Ok(link)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// What is known now.
    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Starts to leave the broker for good.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Leaves the broker for good, at once.
    pub(crate) fn kill(&self) {
        self.stop();
        if let Some(session) = &self.view.borrow().session {
            session.kill();
        }
    }

    /// Leaves the broker for good, in order.
    pub(crate) async fn close(&self) {
        self.stop();
        let mut view = self.watch();
        // The sender is ours, so this ends with the view and not with an error; the limit is for a runtime that stops.
        let _ = tokio::time::timeout(CLOSE_LIMIT * 2, view.wait_for(|view| view.closed)).await;
    }
}

struct Supervisor {
    dialler: Arc<Dialler>,
    purpose: &'static str,
    view: Arc<watch::Sender<View>>,
    stop: CancellationToken,
}

impl Supervisor {
    async fn run(self, mut session: Arc<Session>) {
        let mut backoff = Backoff::default();
        loop {
            let since = Instant::now();
            self.live(session).await;
            if since.elapsed() >= GOOD_EPOCH {
                backoff.reset();
            }
            let Some(next) = self.redial(&mut backoff).await else { break };
            session = Arc::new(next);
            self.announce(&session);
        }
        self.view.send_modify(|view| *view = View { closed: true, epoch: view.epoch, ..View::default() });
    }

    async fn redial(&self, backoff: &mut Backoff) -> Option<Session> {
        let mut wait = backoff.after_failure();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
                () = self.dialler.reached.notified() => {}
            }
            let dialled = tokio::select! {
                () = self.stop.cancelled() => return None,
                dialled = self.dialler.dial(self.purpose) => dialled,
            };
            match dialled {
                Ok(session) => return Some(session),
                Err(refusal) => {
                    tracing::warn!(purpose = self.purpose, cause = %refusal.text, "cannot reach the broker");
                    wait = if refusal.is_final() { FINAL_WAIT } else { backoff.after_failure() };
                    self.view.send_modify(|view| view.last_error = Some(Arc::new(refusal)));
                }
            }
        }
    }

    fn announce(&self, session: &Arc<Session>) {
        tracing::info!(purpose = self.purpose, node = session.node(), "connected to the broker");
        self.view.send_modify(|view| {
            view.session = Some(Arc::clone(session));
            view.epoch += 1;
            view.blocked = None;
            view.last_error = None;
        });
    }

    /// One epoch, until the shutdown of its socket.
    async fn live(&self, session: Arc<Session>) {
        let mut events = Box::pin(session.connection().events_listener());
        let stopped = tokio::select! {
            () = self.stop.cancelled() => true,
            () = self.watch_over(&session, &mut events) => false,
        };
        if stopped {
            session.close(CLOSE_LIMIT).await;
        } else {
            session.kill();
            tracing::warn!(purpose = self.purpose, cause = session.cause(), "lost the broker");
        }
        let cause = Refusal::lost(session.cause());
        self.view.send_modify(|view| {
            view.session = None;
            view.blocked = None;
            view.last_error = Some(Arc::new(cause));
        });
    }

    /// Returns when the epoch is over.
    async fn watch_over(&self, session: &Session, events: &mut (impl Stream<Item = Event> + Unpin)) {
        let mut check = tokio::time::interval(CHECK_INTERVAL);
        loop {
            tokio::select! {
                () = session.ended() => return,
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(purpose = self.purpose, reason, "the broker accepts no publishes");
                        self.view.send_modify(|view| view.blocked = Some(reason.into()));
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!(purpose = self.purpose, "the broker accepts publishes again");
                        self.view.send_modify(|view| view.blocked = None);
                    }
                    // A channel that ends is an error event too; only the connection's state tells them apart.
                    Some(Event::Error(error)) if !session.connection().status().connected() => {
                        session.fail(&error.to_string());
                    }
                    Some(_) => {}
                    None => session.fail("the connection was dropped"),
                },
                _ = check.tick() => {
                    if !session.connection().status().connected() {
                        session.fail("the connection is closed");
                    }
                    self.tell_of_malformed(session);
                }
            }
        }
    }

    /// From here, because the thread that finds them logs nothing.
    fn tell_of_malformed(&self, session: &Session) {
        if let Some(report) = session.findings().report(Instant::now()) {
            tracing::warn!(
                purpose = self.purpose,
                deliveries = report.deliveries,
                returns = report.returns,
                "malformed messages arrived, which the AMQP library could not have read; they are rejected"
            );
        }
    }
}
