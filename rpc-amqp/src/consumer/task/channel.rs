//! The work of a consumer's task while it has a channel.

use std::collections::{HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rpc_core::message::{Malformed, Message};
use rpc_core::transport::{Delivery, Settle, Settlement};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::looks::Looks;
use super::reading::{kept, placed};
use super::telling::Telling;
use super::upkeep::Upkeep;
use super::{Order, Task, confirm};
use crate::consumer::generation::Generation;
use crate::consumer::moving::{self, MOVE_LIMIT, Moved, Outcome};
use crate::consumer::opened::Opened;
use crate::consumer::settler::{Original, Read, Settled, Settler};
use crate::library::Delivery as Delivered;
use crate::wire::{Arrived, caught, decode};

/// Deliveries or decisions that are taken in together.
const MOST_AT_ONCE: usize = 256;
/// How long replies of a lost channel may take to be picked up.
const SALVAGE_LIMIT: Duration = Duration::from_secs(1);

/// How the work on a channel ended.
pub(super) enum End {
    /// The consumer is done for good.
    Finished,
    /// Only the channel is; with the cause.
    Lost(String),
}

type Move = Pin<Box<dyn Future<Output = Moved> + Send>>;

type Handed = (Arc<Generation>, Delivery);

/// A task with the channel that it has now.
pub(super) struct OnChannel<'a> {
    pub(super) task: &'a mut Task,
    pub(super) opened: Opened,
    pub(super) telling: Telling,
    /// When the decisions about replies are looked at.
    looks: Looks,
    /// Which queue a delivery came from, and where in it, if that is a stream.
    pub(super) offsets: HashMap<u64, (usize, u64)>,
    /// Handed to the user and not settled.
    outstanding: usize,
    /// Received and not handed to the user. Each of several queues may bring a whole prefetch, which is their bound.
    pub(super) held: VecDeque<Delivery>,
    /// On their way to the dead letters, or to the end of their queue.
    moves: FuturesUnordered<Move>,
}

impl<'a> OnChannel<'a> {
    pub(super) fn new(task: &'a mut Task, opened: Opened) -> Self {
        let telling = Telling::new(opened.sender());
        Self {
            task,
            opened,
            telling,
            looks: Looks::default(),
            offsets: HashMap::new(),
            outstanding: 0,
            held: VecDeque::new(),
            moves: FuturesUnordered::new(),
        }
    }

    pub(super) async fn serve(mut self) -> End {
        let end = self.work().await;
        match end {
            Ok(()) => {
                self.opened.close().await;
                End::Finished
            }
            Err(cause) => {
                if self.opened.replies {
                    self.salvage().await;
                }
                // First the mark, so that what is dropped afterwards does not ask to be requeued.
                self.opened.generation.end();
                End::Lost(cause)
            }
        }
    }

    /// `Ok` when the consumer is done for good, the cause when the channel is lost.
    async fn work(&mut self) -> Result<(), String> {
        let session = Arc::clone(&self.opened.session);
        let closing = self.task.resources.closing.clone();
        let upkeep = Upkeep {
            session: Arc::clone(&session),
            declarations: self.opened.declarations.clone(),
            status: Arc::clone(&self.task.status),
            source: self.task.source.to_string(),
        };
        // Made once: to make and to drop one of these takes a lock.
        let (mut upkeep, mut ended, mut closed) =
            (pin!(upkeep.run()), pin!(session.ended()), pin!(closing.cancelled()));
        loop {
            let may_forward = !self.held.is_empty() && self.has_place();
            let user = if may_forward { self.task.deliveries.clone() } else { None };
            let may_receive = self.task.deliveries.is_some();
            tokio::select! {
                biased;
                () = &mut ended => return Err(session.cause()),
                Some(settled) = self.task.decisions.recv(), if !self.opened.replies => {
                    self.settle(settled);
                    self.settle_more();
                }
                () = self.looks.due() => {
                    self.settle_more();
                    self.looks.looked(self.outstanding);
                }
                cause = self.telling.run() => return Err(cause),
                Some(moved) = self.moves.next(), if !self.moves.is_empty() => self.after_move(moved),
                () = &mut closed => {
                    self.task.deliveries = None;
                    self.finish().await;
                    return Ok(());
                }
                order = self.task.orders.recv() => match order {
                    Some(Order::Stop(done)) => {
                        self.stop().await;
                        confirm(done);
                    }
                    Some(Order::Close(done)) => {
                        self.finish().await;
                        self.opened.generation.end();
                        confirm(done);
                        return Ok(());
                    }
                    None => {
                        self.finish().await;
                        return Ok(());
                    }
                },
                place = place(user.as_ref()), if may_forward => {
                    let Some(place) = place else {
                        self.finish().await;
                        return Ok(());
                    };
                    self.forward(place);
                }
                Some(incoming) = self.opened.incoming.next(), if may_receive => match incoming {
                    Ok((queue, delivery)) => {
                        self.receive(queue, delivery);
                        if let Some(cause) = self.receive_more() {
                            return Err(cause);
                        }
                        self.forward_at_once();
                    }
                    Err(cause) => return Err(cause),
                },
                () = &mut upkeep => {}
            }
        }
    }

    /// Hands on what was received: if the queue is gone, it does not come again.
    async fn salvage(&mut self) {
        while let Some(Some(Ok((queue, delivery)))) = self.opened.incoming.next().now_or_never() {
            self.receive(queue, delivery);
        }
        let Some(user) = self.task.deliveries.clone() else { return };
        let generation = &self.opened.generation;
        let held = std::mem::take(&mut self.held);
        let handing_on = async {
            for delivery in held {
                let _ = user.send((Arc::clone(generation), delivery)).await;
            }
        };
        // A user that takes nothing must not keep the next channel from being opened.
        let _ = tokio::time::timeout(SALVAGE_LIMIT, handing_on).await;
    }

    /// Whether the user may be given one more.
    fn has_place(&self) -> bool {
        // The broker keeps to the prefetch of each queue. This is for one that does not.
        self.outstanding < usize::from(self.task.prefetch) * self.opened.queues.len()
    }

    fn forward(&mut self, place: mpsc::Permit<'_, Handed>) {
        if let Some(delivery) = self.held.pop_front() {
            self.outstanding += 1;
            if self.opened.replies {
                self.looks.handed_out();
            }
            place.send((Arc::clone(&self.opened.generation), delivery));
        }
    }

    /// Receives what is there besides; or says why nothing more will come.
    fn receive_more(&mut self) -> Option<String> {
        for _ in 1..MOST_AT_ONCE {
            match self.opened.incoming.next().now_or_never().flatten()? {
                Ok((queue, delivery)) => self.receive(queue, delivery),
                Err(cause) => return Some(cause),
            }
        }
        None
    }

    /// As far as the user has places.
    fn forward_at_once(&mut self) {
        let Some(user) = self.task.deliveries.clone() else { return };
        while self.has_place()
            && !self.held.is_empty()
            && let Ok(place) = user.try_reserve()
        {
            self.forward(place);
        }
    }

    fn receive(&mut self, queue: usize, delivery: Delivered) {
        let Delivered { tag, redelivered, properties, body } = delivery;
        let received = Instant::now();
        let mut original = Original { properties, body, queue, read: None, received };
        self.telling.batch.delivered(tag);
        let mut place = None;
        if let Some(offset) = self.offset(&original) {
            let Some(earlier) = self.task.progress[queue].take(offset) else {
                self.telling.batch.ack(tag);
                return self.telling.decided();
            };
            self.offsets.insert(tag, (queue, offset));
            place = Some((offset, earlier));
        }
        let message = match self.opened.defect(tag) {
            None => self.decode(&original, redelivered),
            // Nothing of it can be trusted, the address for an answer included. It takes the way of every malformed
            // message: to the dead letters, or nowhere if it was a reply.
            Some(defect) => Err(Malformed::new(defect)),
        };
        original.read = place.map(|(offset, earlier)| Read::of(&message, offset, earlier));
        let message = placed(message, original.read);
        let settle: Box<dyn Settle> = Box::new(self.settler(tag, original));
        self.held.push_back(Delivery::new(message, redelivered, settle));
    }

    pub(super) fn decode(&self, original: &Original, redelivered: bool) -> Result<Message, Malformed> {
        let arrived = Arrived { properties: &original.properties, body: original.body.clone(), redelivered };
        let decoded = decode(arrived, self.task.resources.max_message_size)
            .map(|message| caught(message, &self.task.resources.exceptions));
        placed(decoded, original.read)
    }

    pub(super) fn settler(&self, tag: u64, original: Original) -> Settler {
        Settler {
            generation: Arc::clone(&self.opened.generation),
            tag,
            original,
            decisions: self.task.decision_sender.clone(),
        }
    }

    /// Takes in every decision that is there, to tell the broker together.
    fn settle_more(&mut self) {
        let mut count = 0;
        while count < MOST_AT_ONCE
            && let Ok(settled) = self.task.decisions.try_recv()
        {
            self.settle(settled);
            count += 1;
        }
        self.telling.decided();
    }

    fn settle(&mut self, settled: Settled) {
        let Settled { settlement, settler } = settled;
        let Settler { generation, tag, original, .. } = *settler;
        if !Arc::ptr_eq(&generation, &self.opened.generation) {
            // Of a channel that is gone; the tag means another delivery here.
            return self.task.note_late(&settlement, &original);
        }
        self.outstanding = self.outstanding.saturating_sub(1);
        match settlement {
            Settlement::Ack => self.done(tag),
            Settlement::Requeue => match original.read {
                Some(read) => self.hand_again(tag, original, read.attempt.saturating_add(1)),
                None => self.telling.batch.requeue(tag),
            },
            Settlement::Reject { code, reason } => {
                let queue = &self.opened.queues[original.queue];
                let copy = original.read.is_some().then(|| original.clone());
                let moving = moving::reject(&self.task.resources, queue, original, code, &reason);
                self.moves.push(Box::pin(async move { kept(Moved { tag, outcome: moving.await }, copy) }));
            }
            Settlement::Retry { attempt } if original.read.is_some() => {
                self.hand_again(tag, original, attempt);
            }
            Settlement::Retry { attempt } => {
                let queue = &self.opened.queues[original.queue];
                let moving = moving::put_last(&self.task.resources, queue, original, attempt);
                self.moves.push(Box::pin(async move { Moved { tag, outcome: moving.await } }));
            }
        }
    }

    /// Only after the message is safe at its new place is the original forgotten.
    fn after_move(&mut self, Moved { tag, outcome }: Moved) {
        match outcome {
            Outcome::Done => self.done(tag),
            // What a stream keeps cannot be rejected, and stays there in any case.
            Outcome::Discarded if self.offsets.contains_key(&tag) => self.done(tag),
            Outcome::Discarded => self.telling.batch.discard(tag),
            Outcome::Failed(error) => {
                tracing::warn!(%error, "cannot move a message; it goes back to its queue");
                self.telling.batch.requeue(tag);
            }
            // Nobody takes it any more, and others that were handed out may still be settled.
            Outcome::NoRoom(_) if self.task.deliveries.is_none() => self.telling.batch.requeue(tag),
            Outcome::NoRoom(original) => {
                // It says its attempt. Not marked as repeated, or it would be asked to be counted again.
                let message = self.decode(&original, false);
                let settle = Box::new(self.settler(tag, *original));
                self.held.push_back(Delivery::new(message, false, settle));
            }
        }
        self.telling.decided();
    }

    /// Asks for nothing more, and gives back what the user has not seen.
    async fn stop(&mut self) {
        self.task.deliveries = None;
        for (queue, delivery) in self.opened.cancel().await {
            self.receive(queue, delivery);
        }
        // Each asks to be requeued when it is dropped.
        self.held.clear();
    }

    /// Tells the broker all that was decided.
    async fn finish(&mut self) {
        self.task.deliveries = None;
        self.held.clear();
        loop {
            while let Ok(settled) = self.task.decisions.try_recv() {
                self.settle(settled);
            }
            if self.telling.finish().await.is_err() || self.moves.is_empty() {
                return;
            }
            let Ok(Some(moved)) = tokio::time::timeout(MOVE_LIMIT, self.moves.next()).await else { return };
            self.after_move(moved);
            // Nobody is there any more who could handle it.
            self.held.clear();
        }
    }
}

/// A place in the user's queue; `None` when the user is gone.
async fn place(user: Option<&mpsc::Sender<Handed>>) -> Option<mpsc::Permit<'_, Handed>> {
    user?.reserve().await.ok()
}
