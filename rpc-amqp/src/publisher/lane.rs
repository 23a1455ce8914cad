//! Publishing within one epoch.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_core::{Code, Error, Executed, Phase};
use tokio::time::Instant;

use super::actor::Actor;
use super::asking::Asking;
use super::confirm_channel::ConfirmChannel;
use super::culprit::sizes;
use super::gate::{Advice, Gate, RouteId};
use super::introduction::Refused;
use super::introductions::{Introductions, Step};
use super::later::Later;
use super::message::{Limits, Ready, refused};
use super::quarantine::Quarantine;
use super::renewal::{Renewal, Renewed};
use super::slot::Slot;
use super::{Outgoing, expired};
use crate::link::{Refusal, Session};

/// How often the messages in flight are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long the channel may be silent over a question before another one takes its place.
const PATIENCE: Duration = Duration::from_millis(500);
/// When nobody waits for what has been in flight for so long, its confirms are not worth a channel.
const OLD: Duration = Duration::from_secs(5);

/// Why a lane ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// Channel or connection are gone.
    Lost,
    /// Nothing is left to do.
    Done,
}

/// Publishing in one epoch: a channel that all messages share, and introductions of what is new.
pub(super) struct Lane {
    session: Arc<Session>,
    asking: Asking,
    shared: ConfirmChannel,
    gate: Gate,
    later: Later,
    limits: Limits,
    introductions: Introductions,
    quarantine: Quarantine,
    renewal: Renewal,
    /// A question to a broker that confirms nothing: one at a time.
    questions: FuturesUnordered<Question>,
}

type Question = Pin<Box<dyn Future<Output = Result<bool, Refusal>> + Send>>;

/// What to do with a message.
enum Decision {
    Publish,
    /// Not before the broker has accepted this.
    Introduce(String),
    Refuse(Error),
}

impl Lane {
    pub(super) async fn open(session: Arc<Session>, asking: Asking) -> Result<Self, Refusal> {
        let channel = asking.confirm_channel().await?;
        Ok(Self {
            limits: Limits { header: session.frame_max(), body: None },
            introductions: Introductions::new(asking.clone()),
            asking,
            shared: ConfirmChannel::new(channel, &session),
            gate: Gate::new(Instant::now()),
            later: Later::default(),
            quarantine: Quarantine::default(),
            renewal: Renewal::default(),
            questions: FuturesUnordered::new(),
            session,
        })
    }

    /// Publishes until the epoch ends, the channel cannot be replaced, or nothing is left to do.
    pub(super) async fn serve(mut self, actor: &mut Actor) -> Ended {
        let mut look = tokio::time::interval(LOOK);
        let mut batch = Vec::new();
        let (session, aborted) = (Arc::clone(&self.session), actor.aborted.clone());
        // Made once: to make and to drop one of these takes a lock.
        let (mut over, mut aborted) = (pin!(session.ended()), pin!(aborted.cancelled()));
        let ended = loop {
            // The end of a block changes the view later than the session, so this is looked at again then.
            let is_blocked = actor.view.borrow_and_update().blocked.is_some() || self.session.is_blocked();
            self.gate.set_blocked(is_blocked, Instant::now());
            if !is_blocked && self.asking.is_open() {
                self.introductions.start(&mut actor.returned);
            }
            let is_usable = self.shared.is_usable();
            if !is_usable && self.shared.is_idle() {
                self.shared.lose("the channel to publish was closed");
            }
            // Otherwise those in flight are about to say why it was closed.
            let is_open = is_usable && !self.introductions.is_full();
            let room = if is_open { self.gate.room() } else { 0 };
            if room > 0 && !actor.returned.is_empty() {
                let count = room.min(actor.returned.len());
                for slot in actor.returned.drain(..count) {
                    self.hand_over(slot);
                }
                tokio::task::yield_now().await;
                continue;
            }
            let is_idle = self.is_idle() && actor.is_idle();
            let has_senders = !actor.slots.is_closed() || !actor.slots.is_empty();
            if is_idle && !has_senders {
                break Ended::Done;
            }
            tokio::select! {
                biased;
                () = &mut over => break Ended::Lost,
                () = std::future::ready(()), if self.shared.lost().is_some() => {}
                () = &mut aborted => break Ended::Done,
                Some(confirm) = self.shared.next(), if !self.shared.is_idle() => {
                    self.shared.settle(confirm, &mut self.gate, &mut self.later);
                    if self.shared.take_refused() {
                        self.renewal.ask(&self.asking, Instant::now());
                    }
                }
                renewed = self.renewal.next(), if !self.renewal.has_nothing_under_way() => self.renewed(renewed),
                Some(step) = self.introductions.next(), if !self.introductions.has_nothing_under_way() => {
                    self.introduced(step, &mut actor.returned);
                }
                _ = actor.slots.recv_many(&mut batch, room), if room > 0 && has_senders => {
                    let is_full = batch.len() == room;
                    if self.session.is_blocked() {
                        // Since the gate was asked: what is handed over now would be held until its time is over.
                        actor.returned.extend(batch.drain(..));
                    }
                    for slot in batch.drain(..) {
                        self.hand_over(slot);
                    }
                    // The runtime counts a batch as one step, and its thread has consumers to look after: with a queue that
                    // has filled up in an outage, each of their steps waited for a hundred batches.
                    if is_full {
                        tokio::task::yield_now().await;
                    }
                }
                changed = actor.view.changed() => if changed.is_err() { break Ended::Done },
                () = actor.closing.cancelled(), if is_idle => break Ended::Done,
                Some(answer) = self.questions.next(), if !self.questions.is_empty() => {
                    let now = Instant::now();
                    if let Ok(is_read) = answer {
                        self.gate.answered(now);
                        if !is_read {
                            self.renewal.ask(&self.asking, now);
                        }
                    }
                }
                () = self.later.due() => self.later.tell(Instant::now()),
                _ = look.tick() => self.look(is_blocked),
            }
            if let Some(refusal) = self.shared.lost().cloned()
                && !self.replace(&refusal).await
            {
                break Ended::Lost;
            }
        };
        let over = Refusal::lost(self.asking.cause());
        self.shared.end(&over);
        self.renewal.end(&over);
        self.introductions.into_waiting(&mut actor.returned);
        ended
    }

    fn is_idle(&self) -> bool {
        self.shared.is_idle() && self.introductions.is_idle() && self.renewal.is_idle()
    }

    fn renewed(&mut self, renewed: Renewed) {
        let now = Instant::now();
        match renewed {
            Renewed::Opened(channel) => {
                let new = ConfirmChannel::new(channel, &self.session);
                self.renewal.keep(std::mem::replace(&mut self.shared, new), now);
            }
            Renewed::Confirmed(place, confirmed) => {
                self.renewal.settle(place, confirmed.map(|it| *it), (&mut self.gate, &mut self.later), now);
            }
            Renewed::Nothing => {}
        }
    }

    /// Hands a message over, unless its caller has given up.
    fn hand_over(&mut self, slot: Slot) {
        let now = Instant::now();
        match slot.look(now, |outgoing| self.decide(outgoing, now)) {
            None => slot.refuse(expired()),
            Some(Decision::Refuse(error)) => slot.refuse(error),
            Some(Decision::Introduce(name)) => self.introductions.wait(name, slot),
            Some(Decision::Publish) => {
                if let Some(ready) = slot.take(now).and_then(Ready::new) {
                    self.shared.publish(ready, &mut self.gate);
                }
            }
        }
    }

    fn decide(&self, outgoing: &Outgoing, now: Instant) -> Decision {
        if let Err(error) = self.limits.check(outgoing) {
            return Decision::Refuse(error);
        }
        let exchange = &outgoing.route.exchange;
        let unknown = self.introductions.unknown(outgoing);
        let name = unknown.as_ref().map(|unknown| unknown.name.as_str());
        let refusal = [Some(exchange.as_str()), name]
            .into_iter()
            .flatten()
            .find_map(|name| self.quarantine.refusal(name, now));
        if let Some(refusal) = refusal {
            return Decision::Refuse(refused("the broker has refused this a moment ago", refusal));
        }
        if let Some(unknown) = unknown {
            return Decision::Introduce(unknown.name);
        }
        if !self.gate.admits(RouteId::of(exchange, &outgoing.route.key)) {
            return Decision::Refuse(slow(exchange, &outgoing.route.key));
        }
        Decision::Publish
    }

    fn introduced(&mut self, step: Step, returned: &mut VecDeque<Slot>) {
        let is_open = self.asking.is_open() && !self.asking.is_blocked();
        // When it was not the broker who said no, the message waits for the next epoch, or for the end of the block.
        let why = |it: &Refused| {
            (is_open || !it.refusal.is_passing()).then(|| refused("cannot publish", &it.refusal))
        };
        if let Some(Refused { what, refusal }) = self.introductions.take_in(step, returned, why)
            && !refusal.is_passing()
        {
            tracing::warn!(what, cause = %refusal.text, "the broker refused a message or what it needs");
            self.shut_out(&what, &refusal);
        }
    }

    fn shut_out(&mut self, what: &str, refusal: &Refusal) {
        if let Some((_, most)) = sizes(&refusal.text) {
            // Its exchange is not to blame.
            self.limits.body = Some(most);
            return;
        }
        self.introductions.forget(what);
        self.quarantine.refused(what, refusal.clone(), Instant::now());
    }

    fn look(&mut self, is_blocked: bool) {
        let now = Instant::now();
        let oldest = self.shared.flight().oldest();
        match self.gate.look(oldest, now) {
            Advice::Ask if self.questions.is_empty() => {
                let (asking, channel) = (self.asking.clone(), self.shared.channel().clone());
                self.questions.push(Box::pin(async move { asking.reads(&channel, PATIENCE).await }));
            }
            Advice::Wait | Advice::Ask => {}
            Advice::Replace => self.shared.lose("the broker has lost confirms"),
        }
        if is_blocked {
            if self.shared.holds_expired(now) {
                self.asking.give_up();
            }
        } else if oldest.is_some_and(|oldest| oldest + OLD <= now) && !self.shared.flight().is_awaited(now) {
            self.shared.lose("the broker has not confirmed what nobody waits for any more");
        }
    }

    /// Replaces a channel that has ended, at once when it is known what has ended it. Says whether it did.
    async fn replace(&mut self, refusal: &Refusal) -> bool {
        let what = self.shared.end(refusal);
        self.renewal.end(refusal);
        if self.asking.is_open() {
            tracing::warn!(cause = %refusal.text, "lost the channel to publish, and opens another");
        }
        self.gate.clear(Instant::now());
        match what {
            Some(what) => self.shut_out(&what, refusal),
            None if self.shared.is_given_up() => {}
            None => return false,
        }
        match self.asking.confirm_channel().await {
            Ok(channel) => {
                self.shared = ConfirmChannel::new(channel, &self.session);
                true
            }
            Err(_) => false,
        }
    }
}

fn slow(exchange: &str, key: &str) -> Error {
    let message = format!(
        "the queue confirms nothing, and too many messages wait for it (exchange {exchange:?}, routing key {key:?})"
    );
    Error::new(Code::Overloaded, message).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}
