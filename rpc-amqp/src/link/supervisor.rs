//! Does what the [`Machine`] decides, for one connection.
//!
//! One attempt at a time, without a limit on attempts once the first has succeeded. There is one listener for the
//! connection's events, here, because two would take them from each other.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::Event as Told;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::dial::Dialler;
use super::machine::{Action, Ending, Event, Failure, Machine};
use super::purpose::Purpose;
use super::refusal::{Refusal, RefusalKind};
use super::session::Session;
use super::view::View;
use crate::library::watch;
use crate::random;

/// How often a connection is looked at besides its events.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long an orderly farewell may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// How long a connection may take to say why it has let its socket go.
const LAST_WORD: Duration = Duration::from_millis(100);
/// How long a connection may take to let a dead socket go before the next is dialled anyway.
const BURY_LIMIT: Duration = Duration::from_secs(1);

/// One connection that is kept up.
#[derive(Clone)]
pub(crate) struct Link {
    view: Arc<watch::Sender<View>>,
    stop: CancellationToken,
}

impl Link {
    /// Dials once, and then keeps the connection up in the background until [`Link::close`].
    pub(crate) async fn open(dialler: Arc<Dialler>, purpose: Purpose) -> Result<Self, Refusal> {
        let order = dialler.shuffled();
        let machine = Machine::new(Instant::now(), order.clone());
        let session = Arc::new(dialler.dial_any(&order, purpose).await?);
        let link = Self { view: Arc::new(watch::Sender::default()), stop: CancellationToken::new() };
        let supervisor =
            Supervisor { dialler, purpose, view: Arc::clone(&link.view), stop: link.stop.clone(), session };
        // Before the task runs, so that nobody sees a link that is open and not connected.
        supervisor.announce();
        tokio::spawn(supervisor.run(machine));
        Ok(link)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// What is known now.
    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Whether messages may be handed to it now.
    pub(crate) fn is_open(&self) -> bool {
        self.view.borrow().open().is_some()
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
    purpose: Purpose,
    view: Arc<watch::Sender<View>>,
    stop: CancellationToken,
    /// The last epoch.
    session: Arc<Session>,
}

impl Supervisor {
    async fn run(mut self, mut machine: Machine) {
        let mut event = Event::Connected;
        let mut failed = None;
        loop {
            let action = machine.step(Instant::now(), event, random::number());
            if let Some(refusal) = failed.take() {
                self.note(refusal, machine.is_refused());
            }
            event = match action {
                Action::Pause(until) => self.pause(until).await,
                Action::Dial(node) => match self.dial(node).await {
                    None => Event::Stop,
                    Some(Ok(session)) => {
                        self.session = Arc::new(session);
                        self.announce();
                        Event::Connected
                    }
                    Some(Err(refusal)) => Event::Failed(failed.insert(refusal).kind.into()),
                },
                Action::Live => self.live().await,
                Action::Bury => {
                    self.bury().await;
                    Event::Buried
                }
                Action::Leave => {
                    self.session.close(CLOSE_LIMIT).await;
                    Event::Stop
                }
                Action::End => break,
            };
        }
        self.view.send_modify(|view| *view = View { closed: true, epoch: view.epoch, ..View::default() });
    }

    async fn pause(&self, until: Instant) -> Event {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Event::Stop,
            () = tokio::time::sleep_until(until) => Event::PauseOver,
            () = self.dialler.reached.notified() => Event::OtherReached,
        }
    }

    /// `None` when the link is wanted no more.
    async fn dial(&self, node: usize) -> Option<Result<Session, Refusal>> {
        self.stop.run_until_cancelled(self.dialler.dial(node, self.purpose)).await
    }

    /// What callers are told while there is no connection. A refusal makes their requests fail at once, so it is told
    /// only when every node that could do better was asked; until it is over nothing milder takes its place.
    fn note(&self, refusal: Refusal, is_refused: bool) {
        if refusal.is_final() == is_refused {
            self.view.send_modify(|view| view.last_error = Some(Arc::new(refusal)));
        }
    }

    fn announce(&self) {
        let session = &self.session;
        tracing::info!(
            purpose = %self.purpose,
            node = session.node(),
            heartbeat = ?session.heartbeat(),
            "connected to the broker"
        );
        self.view.send_modify(|view| {
            view.session = Some(Arc::clone(session));
            view.epoch += 1;
            view.blocked = None;
            view.last_error = None;
        });
    }

    /// One epoch, until its end or the end of all.
    async fn live(&self) -> Event {
        let mut events = Box::pin(self.session.connection().events_listener());
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Event::Stop,
            () = self.watch_over(&mut events) => Event::Ended(match self.session.refusal().kind {
                RefusalKind::BrokerError => Ending::BrokerError,
                _ => Ending::Lost,
            }),
        }
    }

    async fn bury(&self) {
        let cause = self.session.refusal();
        tracing::warn!(
            purpose = %self.purpose,
            node = self.session.node(),
            cause = cause.text,
            "lost the broker"
        );
        // Told first: nobody should wait for an epoch while its remains are cleared away. It is not final, whatever the
        // broker said: only a login tells whether the next one is refused.
        self.view.send_modify(|view| {
            view.session = None;
            view.blocked = None;
            view.last_error = Some(Arc::new(Refusal::lost(cause.text)));
        });
        if !self.session.bury(BURY_LIMIT).await {
            tracing::warn!(purpose = %self.purpose, "the socket of a dead connection is not let go");
        }
    }

    /// Returns when the epoch is over.
    async fn watch_over(&self, events: &mut (impl Stream<Item = Told> + Unpin)) {
        let session = &self.session;
        let mut check = tokio::time::interval(CHECK_INTERVAL);
        // Its task can end without a word, with the runtime that it runs on.
        let mut silence = pin!(async {
            session.released().await;
            tokio::time::sleep(LAST_WORD).await;
        });
        loop {
            tokio::select! {
                biased;
                () = session.ended() => return,
                event = events.next() => match event {
                    Some(Told::ConnectionBlocked(reason)) => {
                        tracing::warn!(purpose = %self.purpose, reason, "the broker accepts no publishes");
                        self.view.send_modify(|view| {
                            // A second reason may follow the first.
                            if view.blocked.is_none() {
                                view.blocked_since = Some(Instant::now());
                            }
                            view.blocked = Some(reason.into());
                        });
                    }
                    Some(Told::ConnectionUnblocked) => {
                        tracing::info!(purpose = %self.purpose, "the broker accepts publishes again");
                        self.view.send_modify(|view| view.blocked = None);
                    }
                    // A channel that ends is an error event too; only the connection's state tells them apart.
                    Some(Told::Error(error)) if !session.connection().is_connected() => {
                        session.fail_with(&error);
                    }
                    Some(_) => {}
                    None => session.fail("the connection was dropped"),
                },
                () = &mut silence => session.fail("the connection was given up without a word"),
                _ = check.tick() => {
                    if !session.connection().is_connected() {
                        session.fail("the connection is closed");
                    }
                    session.tick();
                    self.tell_of_malformed();
                }
            }
        }
    }

    /// From here, because the thread that finds them logs nothing.
    fn tell_of_malformed(&self) {
        if let Some(report) = self.session.findings().report(Instant::now()) {
            tracing::warn!(
                purpose = %self.purpose,
                deliveries = report.deliveries,
                returns = report.returns,
                "malformed messages arrived, which could not have been read; they are rejected"
            );
        }
    }
}

impl From<RefusalKind> for Failure {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::Forbidden
            | RefusalKind::NotAllowed
            | RefusalKind::NoPassword
            | RefusalKind::Mismatch => Self::Refused,
            RefusalKind::Untrusted => Self::Untrusted,
            RefusalKind::BrokerError => Self::BrokerError,
            RefusalKind::Unreached => Self::Unreached,
            RefusalKind::Absent
            | RefusalKind::NodeDown
            | RefusalKind::Taken
            | RefusalKind::Silent
            | RefusalKind::Lost => Self::Unanswered,
        }
    }
}
