//! Publishing within one epoch.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use rpc_core::{Code, Error, Executed, MessageId, Phase};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::actor::Actor;
use super::confirms::{Carried, Confirm as Complete, Confirms, Verdict};
use super::flight::{Flight, Pending};
use super::slot::{Outcome, Slot};
use super::{Outgoing, unknown};
use crate::declare::{declare, short};
use crate::link::{AWAIT_LIMIT, Refusal, Session, limited};
use crate::topology::Declaration;
use crate::wire::{aged, header_size};

/// Messages handed over and not confirmed.
const MOST_IN_FLIGHT: usize = 4_096;
/// Bytes handed over and not confirmed. One message may always go, however large.
const MOST_BYTES: usize = 32 * 1_024 * 1_024;
/// Messages handed over before confirms and the bounds are looked at again.
const BATCH: usize = 32;
/// How many exchanges and queues are remembered as declared.
const MOST_KNOWN: usize = 10_000;
const STALL_CHECK: Duration = Duration::from_secs(1);

type Confirm = Pin<Box<dyn Future<Output = (u64, lapin::Result<Confirmation>)> + Send>>;

/// Why a lane ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// Channel or connection are gone.
    Lost,
    /// Nothing is left to do.
    Done,
}

/// The publishing channel of one epoch.
pub(super) struct Lane {
    session: Arc<Session>,
    channel: Channel,
    /// For declarations, because a refused one closes its channel.
    control: Option<Channel>,
    known: HashSet<String>,
    confirms: Confirms,
    flight: Flight,
    waiting: FuturesUnordered<Confirm>,
    progress: Instant,
    lost: Option<Refusal>,
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

impl Lane {
    pub(super) async fn open(session: Arc<Session>) -> Result<Self, Refusal> {
        let channel = session.channel().await?;
        let select = limited("confirm.select", channel.confirm_select(ConfirmSelectOptions::default())).await;
        session.judged(select)?;
        Ok(Self {
            session,
            channel,
            control: None,
            known: HashSet::new(),
            confirms: Confirms::default(),
            flight: Flight::default(),
            waiting: FuturesUnordered::new(),
            progress: Instant::now(),
            lost: None,
            woken: Arc::default(),
        })
    }

    /// Publishes until the epoch or the channel ends, or nothing is left to do.
    pub(super) async fn serve(mut self, actor: &mut Actor) -> Ended {
        let mut stall_check = tokio::time::interval(STALL_CHECK);
        let mut batch = Vec::with_capacity(BATCH);
        let session = Arc::clone(&self.session);
        let ended = loop {
            let blocked = actor.view.borrow_and_update().blocked.is_some();
            let has_room = self.flight.len() < MOST_IN_FLIGHT
                && (self.flight.bytes() < MOST_BYTES || self.flight.len() == 0);
            // Large messages one by one, so that no batch goes far beyond the bound.
            let most = if self.flight.bytes() < MOST_BYTES / 4 { BATCH } else { 1 };
            let is_idle = self.waiting.is_empty() && actor.slots.is_empty();
            let has_senders = !actor.slots.is_closed() || !actor.slots.is_empty();
            if is_idle && !has_senders {
                break Ended::Done;
            }
            tokio::select! {
                biased;
                () = session.ended() => break Ended::Lost,
                () = actor.aborted.cancelled() => break Ended::Done,
                Some(confirm) = self.waiting.next(), if !self.waiting.is_empty() => self.settle(confirm),
                _ = actor.slots.recv_many(&mut batch, most), if has_room && !blocked && has_senders => {
                    self.hand_over(&mut batch).await;
                }
                changed = actor.view.changed() => if changed.is_err() { break Ended::Done },
                () = actor.closing.cancelled(), if is_idle => break Ended::Done,
                _ = stall_check.tick() => self.check_stall(blocked),
            }
            if self.lost.is_some() {
                break Ended::Lost;
            }
        };
        self.give_up();
        ended
    }

    /// Hands messages over, in order. Those whose caller has given up are dropped here.
    async fn hand_over(&mut self, batch: &mut Vec<Slot>) {
        for slot in batch.drain(..) {
            let Some(missing) = slot.look(Instant::now(), |outgoing| self.missing(outgoing)) else {
                continue;
            };
            let ready = match missing {
                _ if self.lost.is_some() => Err(self.lost_before()),
                Ok(missing) => self.declare(missing).await,
                Err(error) => Err(error),
            };
            // Not before, since the caller may give up while the broker declares.
            let Some((outgoing, outcome)) = slot.take(Instant::now()) else { continue };
            match ready {
                Ok(()) => self.publish(outgoing, outcome),
                Err(error) => drop(outcome.send(Err(error))),
            }
        }
    }

    /// What has to be declared so that publishing cannot close the channel: what is not known to exist in this epoch.
    /// Declarations that belong together are remembered by the last.
    fn missing(&self, outgoing: &Outgoing) -> Result<Vec<Vec<Declaration>>, Error> {
        let (size, limit) = (header_size(&outgoing.properties), self.session.frame_max());
        if size > limit {
            return Err(Error::new(
                Code::InvalidArguments,
                format!("the headers take {size} bytes, and the broker takes {limit}: send less metadata"),
            )
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish));
        }
        let is_missing = |needs: &&Vec<Declaration>| {
            needs.last().is_some_and(|last| outgoing.doubt || !self.known.contains(last.name()))
        };
        Ok([&outgoing.route.needs, &outgoing.also_needs].into_iter().filter(is_missing).cloned().collect())
    }

    async fn declare(&mut self, missing: Vec<Vec<Declaration>>) -> Result<(), Error> {
        for needs in missing {
            let control = match self.control.take() {
                Some(control) => control,
                None => {
                    self.session.channel().await.map_err(|refusal| refusal.error("cannot open a channel"))?
                }
            };
            let declared = declare(&self.session, &control, &needs).await;
            self.session.judged(declared).map_err(|refusal| refusal.error("cannot publish"))?;
            self.control = Some(control);
            if self.known.len() >= MOST_KNOWN {
                self.known.clear();
            }
            self.known.extend(needs.last().map(|last| last.name().to_owned()));
        }
        Ok(())
    }

    fn publish(&mut self, outgoing: Outgoing, outcome: oneshot::Sender<Outcome>) {
        let Outgoing { route, properties, since, body, .. } = outgoing;
        let mut properties = aged(properties, since.elapsed());
        let names = short(&route.exchange).and_then(|exchange| Ok((exchange, short(&route.key)?)));
        let (exchange, key) = match names {
            Ok(names) => names,
            Err(refusal) => {
                let _ = outcome.send(Err(refusal.error("cannot publish")));
                return;
            }
        };
        if properties.message_id().is_none() {
            // A return is matched by it. Only a stranger's dead letter comes without one.
            if let Ok(id) = short(MessageId::random().as_str()) {
                properties = properties.with_message_id(id);
            }
        }
        let number = self.flight.add(Pending {
            id: properties.message_id().as_ref().map_or("", |id| id.as_str()).into(),
            exchange: route.exchange.into(),
            key: route.key.into(),
            size: body.len(),
            outcome,
        });
        if self.waiting.is_empty() {
            self.progress = Instant::now();
        }
        let options = BasicPublishOptions { mandatory: route.mandatory, immediate: false };
        let channel = self.channel.clone();
        let mut confirm: Confirm = Box::pin(async move {
            let published = channel.basic_publish(exchange, key, options, &body, properties).await;
            let confirmed = match published {
                Ok(confirm) => confirm.await,
                Err(error) => Err(error),
            };
            (number, confirmed)
        });
        // The first poll takes the delivery tag and queues the frames. Doing it here, one message after the other, is
        // what keeps tags and frames in one order.
        let first = confirm.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match first {
            Poll::Ready((number, Err(error))) => self.refuse_unsent(number, &error),
            Poll::Ready(confirm) => self.settle(confirm),
            Poll::Pending => self.waiting.push(confirm),
        }
    }

    /// A publish that fails in its first poll met a channel that had ended: nothing of it was queued.
    fn refuse_unsent(&mut self, number: u64, error: &lapin::Error) {
        self.lost.get_or_insert_with(|| Refusal::from_answer(error));
        if let Some(pending) = self.flight.remove(number) {
            let _ = pending.outcome.send(Err(self.lost_before()));
        }
    }

    /// Takes in a confirm and every other that is ready: only together do they say which message was returned.
    fn settle(&mut self, first: (u64, lapin::Result<Confirmation>)) {
        self.progress = Instant::now();
        let mut complete = Vec::new();
        self.take_in(first, &mut complete);
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            match self.waiting.poll_next_unpin(&mut context) {
                Poll::Ready(Some(confirm)) => self.take_in(confirm, &mut complete),
                // It also stops early, to be polled again.
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if complete.iter().any(|confirm| confirm.carried == Carried::Stranger) {
            // Its id was overwritten, on its way or by the guard below. Whose it was nobody can tell, so none of these may
            // be called routed, nor any that is held: with the channel given up, all of them are unknown.
            let cause = "a message came back that cannot be told from the others";
            self.lost.get_or_insert_with(|| Refusal::lost(cause));
            return;
        }
        for (number, verdict) in self.confirms.take_in(&complete) {
            if let Some(pending) = self.flight.remove(number) {
                let outcome = outcome(verdict, &pending);
                // A caller that is gone needs no word.
                let _ = pending.outcome.send(outcome);
            }
        }
    }

    fn take_in(
        &mut self,
        (number, confirmation): (u64, lapin::Result<Confirmation>),
        complete: &mut Vec<Complete>,
    ) {
        let (acknowledged, returned) = match confirmation {
            Ok(Confirmation::Ack(returned)) => (true, returned),
            Ok(Confirmation::Nack(returned)) => (false, returned),
            Ok(Confirmation::NotRequested) => {
                self.lost.get_or_insert_with(|| Refusal::lost("the channel does not confirm"));
                return;
            }
            Err(error) => {
                self.lost.get_or_insert_with(|| Refusal::from_answer(&error));
                return;
            }
        };
        let carried = self.flight.whose(returned.as_ref());
        complete.push(Complete { number, acknowledged, carried });
    }

    /// A broker that confirms nothing for so long, without having said that it is blocked, is treated as gone.
    fn check_stall(&mut self, blocked: bool) {
        if blocked || self.waiting.is_empty() {
            self.progress = Instant::now();
        } else if self.progress.elapsed() > AWAIT_LIMIT {
            self.session.fail("the broker has confirmed nothing for 5 s");
        }
    }

    fn lost_before(&self) -> Error {
        let text = self.lost.as_ref().map_or("", |refusal| &refusal.text);
        Error::new(Code::Unavailable, format!("the channel ended before the message was sent: {text}"))
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish)
    }

    /// Tells everybody whose message was handed over that its fate is unknown.
    fn give_up(mut self) {
        let cause = match &self.lost {
            Some(refusal) if !self.session.is_over() => refusal.text.clone(),
            _ if self.session.is_over() => self.session.cause(),
            _ => "the transport was closed".to_owned(),
        };
        for pending in self.flight.drain() {
            let text = format!("the link was lost before the broker confirmed the message: {cause}");
            let _ = pending.outcome.send(Err(unknown(text)));
        }
    }
}

fn outcome(verdict: Verdict, pending: &Pending) -> Outcome {
    match verdict {
        Verdict::Confirmed => Ok(()),
        Verdict::Returned => Err(Error::new(
            Code::Unroutable,
            format!("no queue takes it (exchange {:?}, routing key {:?})", pending.exchange, pending.key),
        )
        .with_executed(Executed::NotSent)),
        Verdict::Refused => Err(Error::new(
            Code::Overloaded,
            format!(
                "the broker refused the message, its queue is full (exchange {:?}, routing key {:?})",
                pending.exchange, pending.key
            ),
        )
        .with_executed(Executed::NotSent)),
    }
}
