//! The broker's side of one channel.

use std::collections::{BTreeMap, BTreeSet};

use super::super::frame::{Answer, Request};
use super::super::random::Random;
use super::queue::Stored;

/// A message that was handed out and not settled.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) queue: u64,
    pub(super) consumer: String,
    pub(super) stored: Stored,
}

#[derive(Debug, Default)]
pub(super) struct Channel {
    pub(super) confirms: bool,
    pub(super) prefetch: usize,
    /// Queue by consumer tag.
    pub(super) consumers: BTreeMap<String, u64>,
    pub(super) unacknowledged: BTreeMap<u64, Unacknowledged>,
    /// Quorum queues that it has used.
    pub(super) used: BTreeSet<u64>,
    /// What was asked while it waits for a leader, if it does.
    pub(super) held: Option<Vec<Request>>,
    next_delivery: u64,
    next_publish: u64,
    /// Published and not safe yet.
    unsafe_tags: BTreeSet<u64>,
    /// Safe or refused, and not told yet.
    ready: BTreeMap<u64, bool>,
}

impl Channel {
    /// The tag of the next delivery.
    pub(super) const fn deliver(&mut self) -> u64 {
        self.next_delivery += 1;
        self.next_delivery
    }

    /// The tag of the next message that the client publishes.
    pub(super) fn publish(&mut self) -> u64 {
        self.next_publish += 1;
        self.unsafe_tags.insert(self.next_publish);
        self.next_publish
    }

    pub(super) fn is_safe(&mut self, tag: u64, acknowledged: bool) {
        if self.unsafe_tags.remove(&tag) {
            self.ready.insert(tag, acknowledged);
        }
    }

    /// Tells what is ready: all before the first unsafe tag may share a frame, the others come one by one, in any order.
    pub(super) fn confirms(&mut self, random: &mut Random) -> Vec<Answer> {
        let ready = std::mem::take(&mut self.ready);
        let first_unsafe = self.unsafe_tags.first().copied().unwrap_or(u64::MAX);
        let shares = random.percent(70);
        let shared = if shares {
            // A refusal among them is told by itself, and ends what may be shared.
            ready.iter().take_while(|(tag, ok)| **tag < first_unsafe && **ok).map(|(tag, _)| *tag).last()
        } else {
            None
        };
        let mut answers: Vec<_> = ready
            .into_iter()
            .filter(|(tag, _)| shared.is_none_or(|shared| *tag > shared))
            .map(|(tag, acknowledged)| Answer::Confirm { tag, multiple: false, acknowledged })
            .collect();
        random.shuffle(&mut answers);
        if let Some(tag) = shared {
            let at = random.index(answers.len() + 1);
            answers.insert(at, Answer::Confirm { tag, multiple: true, acknowledged: true });
        }
        answers
    }

    pub(super) fn has_news(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The deliveries that an acknowledgement covers, or nothing when the broker does not know the tag.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool) -> Option<Vec<Unacknowledged>> {
        if !self.unacknowledged.contains_key(&tag) {
            return None;
        }
        if !multiple {
            return self.unacknowledged.remove(&tag).map(|one| vec![one]);
        }
        let later = self.unacknowledged.split_off(&(tag + 1));
        Some(std::mem::replace(&mut self.unacknowledged, later).into_values().collect())
    }
}
