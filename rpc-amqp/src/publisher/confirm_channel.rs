//! A channel in confirm mode, with the messages in flight on it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::Confirmation;
use lapin::options::BasicPublishOptions;
use rpc_core::{Code, Error, Executed, Phase};
use tokio::time::Instant;

use super::confirms::{Confirm as Complete, Confirms, Verdict};
use super::culprit::{Cause, Fate, culprit};
use super::flight::{Flight, Pending, Stranger};
use super::gate::{Gate, RouteId};
use super::message::{Ready, refused};
use super::slot::Outcome;
use super::unknown;
use crate::library::Channel;
use crate::link::{Refusal, Session};

type Confirm = Pin<Box<dyn Future<Output = (u64, lapin::Result<Confirmation>)> + Send>>;

/// A channel in confirm mode, with the messages in flight on it.
pub(super) struct ConfirmChannel {
    channel: Channel,
    confirms: Confirms,
    flight: Flight,
    waiting: FuturesUnordered<Confirm>,
    /// How many messages were handed over, for the guard.
    published: Arc<AtomicU64>,
    /// How many messages were written to the socket; the library writes them in order.
    written: Arc<AtomicU64>,
    lost: Option<Refusal>,
    is_given_up: bool,
    /// Whether the broker has refused a message since this was asked last.
    has_refused: bool,
    woken: Arc<Woken>,
}

/// Whether a poll asked for another one.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The confirm of one message, not looked at yet.
pub(super) struct Confirmed(u64, lapin::Result<Confirmation>);

impl ConfirmChannel {
    /// `channel` has to be in confirm mode, and nobody else publishes on it.
    pub(super) fn new(channel: Channel, session: &Session) -> Self {
        Self {
            published: session.published().on(channel.id()),
            channel,
            confirms: Confirms::default(),
            flight: Flight::default(),
            waiting: FuturesUnordered::new(),
            written: Arc::default(),
            lost: None,
            is_given_up: false,
            has_refused: false,
            woken: Arc::default(),
        }
    }

    pub(super) fn publish(&mut self, ready: Ready, gate: &mut Gate) {
        let Ready { exchange, key, mandatory, properties, body, until, outcome } = ready;
        let (route, size) = (RouteId::of(exchange.as_str(), key.as_str()), body.len());
        let now = Instant::now();
        let number = self.flight.add(Pending {
            id: self.flight.id(&properties, &body),
            exchange: exchange.as_str().into(),
            key: key.as_str().into(),
            route,
            size,
            since: now,
            until,
            outcome,
        });
        gate.handed_over(route, size, now);
        let (channel, written) = (self.channel.clone(), Arc::clone(&self.written));
        let options = BasicPublishOptions { mandatory, immediate: false };
        let mut confirm: Confirm = Box::pin(async move {
            let published = channel.basic_publish(exchange, key, options, &body, properties).await;
            written.fetch_max(number + 1, Ordering::Relaxed);
            let confirmed = match published {
                Ok(confirm) => confirm.await,
                Err(error) => Err(error),
            };
            (number, confirmed)
        });
        // Before the frames, so that their confirm finds it counted.
        self.published.fetch_add(1, Ordering::Release);
        // The first poll takes the delivery tag and queues the frames. Doing it here, one message after the other, is
        // what keeps tags and frames in one order.
        match confirm.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((number, Err(error))) => self.refuse_unsent(number, &error, gate),
            Poll::Ready((number, confirmed)) => self.settle(Confirmed(number, confirmed), gate),
            Poll::Pending => self.waiting.push(confirm),
        }
    }

    /// The next confirm; `None` when nothing is in flight.
    pub(super) async fn next(&mut self) -> Option<Confirmed> {
        self.waiting.next().await.map(|(number, confirmed)| Confirmed(number, confirmed))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) const fn flight(&self) -> &Flight {
        &self.flight
    }

    /// Whether the library still holds a message that is past its caller's deadline.
    ///
    /// It would be written whenever the broker reads again, however late, with the time to live that it had when it
    /// was handed over.
    pub(super) fn holds_expired(&self, now: Instant) -> bool {
        self.flight.has_expired_since(self.written.load(Ordering::Relaxed), now)
    }

    /// Why nothing more can be published on it.
    pub(super) const fn lost(&self) -> Option<&Refusal> {
        self.lost.as_ref()
    }

    /// Gives the channel up.
    pub(super) fn lose(&mut self, cause: &str) {
        if self.lost.is_none() {
            self.lost = Some(Refusal::lost(cause));
            self.is_given_up = true;
        }
    }

    /// Whether the broker has refused a message since this was asked last.
    pub(super) const fn take_refused(&mut self) -> bool {
        std::mem::replace(&mut self.has_refused, false)
    }

    /// Gives up on the messages in flight: their outcome is unknown.
    pub(super) fn abandon(&mut self, refusal: &Refusal, gate: &mut Gate) {
        let now = Instant::now();
        for pending in self.flight.drain() {
            gate.settled(pending.route, pending.size, now);
            let cause = &refusal.text;
            let _ = pending.outcome.send(Err(unknown(format!(
                "the channel was lost before the broker confirmed the message: {cause}"
            ))));
        }
    }

    /// Whether it was given up, and had not ended by itself.
    pub(super) const fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Whether the library takes messages for it.
    pub(super) fn is_usable(&self) -> bool {
        self.channel.status().connected()
    }

    /// A publish that fails in its first poll met a channel that had ended: nothing of it was queued.
    fn refuse_unsent(&mut self, number: u64, error: &lapin::Error, gate: &mut Gate) {
        let refusal = Refusal::from_answer(error);
        let error = unread(&refusal.text);
        // It says only that the channel is closed. Those in flight are told why, and fail at once.
        if self.waiting.is_empty() {
            self.lost.get_or_insert(refusal);
        }
        if let Some(pending) = self.flight.remove(number) {
            gate.settled(pending.route, pending.size, Instant::now());
            // A caller that is gone needs no word; the same below.
            let _ = pending.outcome.send(Err(error));
        }
    }

    /// Takes in a confirm and every other that is ready: only together do they say which message was returned.
    pub(super) fn settle(&mut self, first: Confirmed, gate: &mut Gate) {
        let mut complete = Vec::new();
        let mut taken = self.take_in(first, &mut complete);
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        while taken.is_ok() {
            self.woken.0.store(false, Ordering::Relaxed);
            match self.waiting.poll_next_unpin(&mut context) {
                Poll::Ready(Some((number, confirmed))) => {
                    taken = self.take_in(Confirmed(number, confirmed), &mut complete);
                }
                // It also stops early, to be polled again.
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if let Err(Stranger) = taken {
            // Its id was overwritten, on its way or by the guard below. Whose it was nobody can tell, so none of these may
            // be called routed, nor any that is held: with the channel given up, all of them are unknown.
            self.lose("a message came back that cannot be told from the others");
            return;
        }
        let now = Instant::now();
        for (number, verdict) in self.confirms.take_in(&complete) {
            self.has_refused |= verdict == Verdict::Refused;
            if let Some(pending) = self.flight.remove(number) {
                gate.settled(pending.route, pending.size, now);
                let outcome = outcome(verdict, &pending.exchange, &pending.key);
                let _ = pending.outcome.send(outcome);
            }
        }
    }

    fn take_in(
        &mut self,
        Confirmed(number, confirmation): Confirmed,
        complete: &mut Vec<Complete>,
    ) -> Result<(), Stranger> {
        let (acknowledged, returned) = match confirmation {
            Ok(Confirmation::Ack(returned)) => (true, returned),
            Ok(Confirmation::Nack(returned)) => (false, returned),
            Ok(Confirmation::NotRequested) => {
                self.lost.get_or_insert_with(|| Refusal::lost("the channel does not confirm"));
                return Ok(());
            }
            Err(error) => {
                self.lost.get_or_insert_with(|| Refusal::from_answer(&error));
                return Ok(());
            }
        };
        let carried = self.flight.whose(returned.as_ref())?;
        complete.push(Complete { number, acknowledged, carried });
        Ok(())
    }

    /// Finds what the broker refused, tells everybody in flight what became of the message, and returns what nothing
    /// may be sent for now: an exchange, or nothing in particular.
    pub(super) fn end(&mut self, refusal: &Refusal) -> Option<Box<str>> {
        let culprit = culprit(refusal, self.flight.suspects());
        let fates: Vec<_> =
            self.flight.suspects().map(|it| culprit.map_or(Fate::Unknown, |c| c.fate(it))).collect();
        let what = culprit.map(|culprit| match culprit.cause {
            Cause::Exchange(name) => name.into(),
            Cause::Size(_) => Box::default(),
        });
        let cause = &refusal.text;
        for (pending, fate) in self.flight.drain().zip(fates) {
            let error = match fate {
                Fate::Unknown => {
                    unknown(format!("the link was lost before the broker confirmed the message: {cause}"))
                }
                Fate::Refused => refused("the broker refused the message", refusal),
                Fate::Ignored => unread(cause),
            };
            let _ = pending.outcome.send(Err(error));
        }
        what
    }
}

/// The error of a message that was handed over after the broker had stopped to read.
fn unread(cause: &str) -> Error {
    let message = format!("the channel ended before the message was sent: {cause}");
    Error::new(Code::Unavailable, message).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}

/// What the caller is told.
pub(super) fn outcome(verdict: Verdict, exchange: &str, key: &str) -> Outcome {
    let (code, what) = match verdict {
        Verdict::Confirmed => return Ok(()),
        Verdict::Returned => (Code::Unroutable, "no queue takes it"),
        Verdict::Refused => (Code::Overloaded, "the broker refused the message, its queue is full"),
    };
    let message = format!("{what} (exchange {exchange:?}, routing key {key:?})");
    Err(Error::new(code, message).with_executed(Executed::NotSent))
}
