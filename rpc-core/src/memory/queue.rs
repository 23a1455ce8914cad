//! One queue: what waits, who takes, what is out.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::message::Message;
use crate::transport::QueueDepth;

/// One queue: messages that wait, in order, and takers that get them in turn, each up to its prefetch.
#[derive(Default)]
pub(super) struct Queue {
    /// By place, which is the order.
    ready: VecDeque<(u64, Stored)>,
    /// Bytes of the bodies in `ready`.
    bytes: usize,
    takers: Vec<Taker>,
    next_place: u64,
    next_taker: usize,
}

pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) expires: Option<Instant>,
    /// Since the message was put into the queue.
    pub(super) deliveries: u32,
}

impl Stored {
    fn size(&self) -> usize {
        self.message.payload().body.len()
    }
}

/// A consumer at this queue. Its channel never holds more than its prefetch.
pub(super) struct Taker {
    pub(super) id: u64,
    pub(super) connection: u64,
    pub(super) prefetch: usize,
    pub(super) sender: UnboundedSender<Handed>,
    /// Which of the consumer's queues this is.
    queue: usize,
    unsettled: HashMap<u64, Stored, FixedState>,
    stopped: bool,
}

/// A message on its way to a taker.
pub(super) struct Handed {
    /// Which of the consumer's queues it comes from.
    pub(super) queue: usize,
    pub(super) place: u64,
    pub(super) message: Message,
    pub(super) deliveries: u32,
}

impl Taker {
    pub(super) fn new(
        id: u64,
        connection: u64,
        prefetch: usize,
        sender: UnboundedSender<Handed>,
        queue: usize,
    ) -> Self {
        Self { id, connection, prefetch, sender, queue, unsettled: HashMap::default(), stopped: false }
    }

    fn has_room(&self) -> bool {
        !self.stopped && self.unsettled.len() < self.prefetch && !self.sender.is_closed()
    }
}

impl Queue {
    const MOST: usize = 65_536;
    const MOST_BYTES: usize = 256 * 1_024 * 1_024;

    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        if self.has_too_much() {
            self.ready.retain(|(_, stored)| stored.expires.is_none_or(|expires| expires > now));
            self.bytes = self.ready.iter().map(|(_, stored)| stored.size()).sum();
        }
        self.has_too_much()
    }

    fn has_too_much(&self) -> bool {
        self.ready.len() >= Self::MOST || self.bytes >= Self::MOST_BYTES
    }

    /// What waits here, without what has expired, and how many take from it.
    pub(super) fn depth(&self, now: Instant) -> QueueDepth {
        let is_alive = |(_, stored): &&(u64, Stored)| stored.expires.is_none_or(|expires| expires > now);
        let ready = self.ready.iter().filter(is_alive).count();
        let consumers = self.takers.iter().filter(|taker| !taker.stopped).count();
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        QueueDepth::new(number(ready), number(consumers))
    }

    pub(super) fn push(&mut self, message: Message, expires: Option<Instant>) {
        self.put_last(Stored { message, expires, deliveries: 0 });
    }

    /// Puts a message to the end, as one that was not delivered yet but counts as `attempt`.
    pub(super) fn retry(&mut self, mut stored: Stored, attempt: u32) {
        if let Some(context) = stored.message.context_mut() {
            context.attempt = attempt;
        }
        self.put_last(Stored { deliveries: 0, ..stored });
    }

    fn put_last(&mut self, stored: Stored) {
        self.put_back(self.next_place, stored);
        self.next_place += 1;
    }

    pub(super) fn attach(&mut self, taker: Taker) {
        self.takers.push(taker);
    }

    /// Hands out what waits, to takers in turn. Expired messages are dropped where they are met: at the head.
    pub(super) fn hand_out(&mut self, now: Instant) {
        while let Some((place, mut stored)) = self.ready.pop_front() {
            self.bytes -= stored.size();
            if stored.expires.is_some_and(|expires| expires <= now) {
                continue;
            }
            let count = self.takers.len();
            let turn = (0..count).map(|step| (self.next_taker + step) % count);
            let Some(position) = turn.into_iter().find(|&position| self.takers[position].has_room()) else {
                return self.put_back(place, stored);
            };
            stored.deliveries += 1;
            let (message, deliveries) = (stored.message.clone(), stored.deliveries);
            let taker = &mut self.takers[position];
            // A taker whose receiver has just gone is detached by its drop, which gives this one back.
            drop(taker.sender.send(Handed { queue: taker.queue, place, message, deliveries }));
            taker.unsettled.insert(place, stored);
            self.next_taker = position + 1;
        }
    }

    /// Whether the taker has still to settle the message at `place`.
    pub(super) fn is_out(&self, taker: u64, place: u64) -> bool {
        self.takers.iter().any(|other| other.id == taker && other.unsettled.contains_key(&place))
    }

    /// Takes an unsettled message from a taker; `None` when it was given back already.
    pub(super) fn take_unsettled(&mut self, taker: u64, place: u64) -> Option<Stored> {
        self.takers.iter_mut().find(|other| other.id == taker)?.unsettled.remove(&place)
    }

    /// Puts a message back to its place.
    pub(super) fn put_back(&mut self, place: u64, stored: Stored) {
        self.bytes += stored.size();
        let position = self.ready.partition_point(|(other, _)| *other < place);
        self.ready.insert(position, (place, stored));
    }

    /// Hands nothing more to this taker.
    pub(super) fn stop(&mut self, taker: u64) {
        self.takers.iter_mut().filter(|other| other.id == taker).for_each(|other| other.stopped = true);
    }

    /// Removes takers and puts back what they had not settled.
    pub(super) fn detach(&mut self, leaves: impl Fn(&Taker) -> bool) {
        let (gone, stay) = std::mem::take(&mut self.takers).into_iter().partition(leaves);
        self.takers = stay;
        let gone: Vec<Taker> = gone;
        for (place, stored) in gone.into_iter().flat_map(|taker| taker.unsettled) {
            self.put_back(place, stored);
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn has_takers(&self) -> bool {
        !self.takers.is_empty()
    }
}
