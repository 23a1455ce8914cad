//! One queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::frame::{Message, QueueArguments};

/// A consumer, by connection, channel and tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Taker {
    pub(crate) connection: u64,
    pub(crate) channel: u16,
    pub(crate) tag: String,
    pub(crate) no_ack: bool,
    pub(crate) prefetch: usize,
    pub(crate) unacknowledged: usize,
}

/// A message in a queue, or on its way out of it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) message: Arc<Message>,
    pub(crate) place: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) redelivered: bool,
    /// How often it came back: what a quorum queue counts.
    pub(crate) count: u32,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) arguments: QueueArguments,
    /// The connection that an exclusive one belongs to.
    pub(crate) owner: Option<u64>,
    pub(crate) quorum: bool,
    pub(crate) messages: BTreeMap<u64, Stored>,
    pub(crate) takers: Vec<Taker>,
    next_place: u64,
    turn: usize,
}

impl Queue {
    pub(crate) fn new(name: String, arguments: QueueArguments, owner: Option<u64>) -> Self {
        let quorum = matches!(
            arguments.table.inner().get("x-queue-type"),
            Some(lapin::types::AMQPValue::LongString(text)) if text.as_bytes() == b"quorum"
        );
        Self {
            name,
            arguments,
            owner,
            quorum,
            messages: BTreeMap::new(),
            takers: Vec::new(),
            next_place: 0,
            turn: 0,
        }
    }

    pub(crate) fn push(&mut self, message: Arc<Message>, now: u64) {
        let expires = message.expiration().map(|time| now + time);
        let place = self.next_place;
        self.next_place += 1;
        self.messages.insert(place, Stored { message, place, expires, redelivered: false, count: 0 });
    }

    /// Puts back what was handed out.
    pub(crate) fn put_back(&mut self, mut stored: Stored) {
        stored.redelivered = true;
        stored.count += 1;
        self.messages.insert(stored.place, stored);
    }

    /// The next message and who gets it. Expired ones are dropped where they are met: at the head.
    pub(crate) fn next(&mut self, now: u64, expired: &mut Vec<Arc<Message>>) -> Option<(Taker, Stored)> {
        while let Some(entry) = self.messages.first_entry() {
            if entry.get().expires.is_none_or(|expires| expires > now) {
                break;
            }
            expired.push(entry.remove().message);
        }
        let first = *self.messages.first_key_value()?.0;
        let count = self.takers.len();
        let free = |taker: &Taker| taker.no_ack || taker.unacknowledged < taker.prefetch;
        let chosen =
            (0..count).map(|step| (self.turn + step) % count).find(|&index| free(&self.takers[index]))?;
        self.turn = chosen + 1;
        let taker = &mut self.takers[chosen];
        if !taker.no_ack {
            taker.unacknowledged += 1;
        }
        let taker = taker.clone();
        Some((taker, self.messages.remove(&first)?))
    }

    pub(crate) fn taker(&mut self, connection: u64, channel: u16, tag: &str) -> Option<&mut Taker> {
        self.takers
            .iter_mut()
            .find(|taker| (taker.connection, taker.channel) == (connection, channel) && taker.tag == tag)
    }
}
