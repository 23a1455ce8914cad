//! What the broker has accepted in this epoch, and messages that wait for it to do so.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_core::Error;

use super::Outgoing;
use super::asking::Asking;
use super::introduction::{Accepted, First, Introduced, Refused, Rest, Unknown, introduce};
use super::slot::Slot;
use crate::library::Channel;
use crate::topology::Declaration;

/// Introductions at a time. Each has a channel, and channels are not free.
const MOST_RUNNING: usize = 8;
/// Introduced messages that are not confirmed; beyond it no introduction is started.
const MOST_RESTING: usize = 64;
/// Messages that wait for an introduction; beyond it no message is taken from the queue.
const MOST_WAITING: usize = 1_024;
/// How many exchanges and queues are remembered as known.
const MOST_KNOWN: usize = 10_000;

/// What the broker has accepted in this epoch, and messages that wait for it to do so.
pub(super) struct Introductions {
    asking: Asking,
    /// Exchanges and queues that were declared.
    declared: HashSet<String>,
    /// Exchanges that have taken a message.
    accepted: HashSet<String>,
    /// By what they wait for.
    waiting: BTreeMap<String, Waiting>,
    /// How many messages wait.
    count: usize,
    /// Those of `waiting` whose introduction has not started.
    due: VecDeque<String>,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Introduced> + Send>>>,
    rests: FuturesUnordered<Rest>,
    /// A channel on which nothing is in flight.
    spare: Option<Channel>,
}

#[derive(Default)]
struct Waiting {
    first: First,
    others: VecDeque<Slot>,
}

/// What has happened to an introduction.
pub(super) enum Step {
    Introduced(Introduced),
    /// Its end, with the channel if that can be used again.
    Ended(Option<Channel>),
}

impl Introductions {
    pub(super) fn new(asking: Asking) -> Self {
        Self {
            asking,
            declared: HashSet::new(),
            accepted: HashSet::new(),
            waiting: BTreeMap::new(),
            count: 0,
            due: VecDeque::new(),
            running: FuturesUnordered::new(),
            rests: FuturesUnordered::new(),
            spare: None,
        }
    }

    /// What the message needs and the broker has not accepted yet; `None` when it can take the shared channel.
    pub(super) fn unknown(&self, outgoing: &Outgoing) -> Option<Unknown> {
        let Outgoing { route, also_needs, doubt, .. } = outgoing;
        let is_accepted = self.accepted.contains(&route.exchange);
        let is_missing = |needs: &&Vec<Declaration>| {
            needs.last().is_some_and(|last| {
                // An exchange that was accepted exists.
                *doubt
                    || !(is_accepted && last.name() == route.exchange || self.declared.contains(last.name()))
            })
        };
        let missing: Vec<_> = [&route.needs, also_needs].into_iter().filter(is_missing).cloned().collect();
        if is_accepted && missing.is_empty() {
            return None;
        }
        let last = missing.last().and_then(|needs| needs.last());
        let name = last.map_or(route.exchange.as_str(), Declaration::name).to_owned();
        Some(Unknown { name, exchange: route.exchange.clone(), missing })
    }

    /// Lets a message wait for the introduction of `name`.
    pub(super) fn wait(&mut self, name: String, slot: Slot) {
        self.count += 1;
        if let Some(waiting) = self.waiting.get_mut(&name) {
            waiting.others.push_back(slot);
            return;
        }
        self.due.push_back(name.clone());
        self.waiting
            .insert(name, Waiting { first: Arc::new(Mutex::new(Some(slot))), others: VecDeque::new() });
    }

    /// Starts as many introductions as may run. Messages that need none any more come back to `returned`.
    pub(super) fn start(&mut self, returned: &mut VecDeque<Slot>) {
        while self.running.len() < MOST_RUNNING
            && self.rests.len() < MOST_RESTING
            && let Some(name) = self.due.pop_front()
        {
            let first = self.waiting.get(&name).map(|waiting| Arc::clone(&waiting.first)).unwrap_or_default();
            let unknown = {
                let slot = first.lock().unwrap_or_else(PoisonError::into_inner);
                let now = tokio::time::Instant::now();
                slot.as_ref().and_then(|slot| slot.look(now, |outgoing| self.unknown(outgoing))).flatten()
            };
            match unknown {
                Some(unknown) => {
                    let unknown = Unknown { name, ..unknown };
                    let introduction = introduce(self.asking.clone(), self.spare.take(), unknown, first);
                    self.running.push(Box::pin(introduction));
                }
                None => self.give_back(&name, None, returned),
            }
        }
    }

    /// The next thing that happens; `None` when nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Step> {
        tokio::select! {
            biased;
            Some(introduced) = self.running.next() => Some(Step::Introduced(introduced)),
            Some(channel) = self.rests.next() => Some(Step::Ended(channel)),
            else => None,
        }
    }

    /// Takes in what has happened, and says what was refused. Those who waited come back to `returned`; the one whose
    /// declaration was refused is told `why` instead.
    pub(super) fn take_in(
        &mut self,
        step: Step,
        returned: &mut VecDeque<Slot>,
        why: impl FnOnce(&Refused) -> Option<Error>,
    ) -> Option<Refused> {
        let Introduced { name, declared, verdict } = match step {
            Step::Introduced(introduced) => introduced,
            Step::Ended(channel) => {
                self.spare = self.spare.take().or(channel);
                return None;
            }
        };
        remember(&mut self.declared, declared);
        match verdict {
            Ok(Accepted { exchange, rest }) => {
                remember(&mut self.accepted, exchange);
                self.rests.push(rest);
                self.give_back(&name, None, returned);
                None
            }
            Err(refused) => {
                self.give_back(&name, why(&refused), returned);
                Some(refused)
            }
        }
    }

    /// The broker does not accept `name` any more.
    pub(super) fn forget(&mut self, name: &str) {
        self.accepted.remove(name);
        // All of it: a queue is remembered by its own name, and an exchange takes its bindings along.
        self.declared.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= MOST_WAITING
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.has_nothing_under_way()
    }

    pub(super) fn has_nothing_under_way(&self) -> bool {
        self.running.is_empty() && self.rests.is_empty()
    }

    /// The messages that wait; what was handed over ends with this.
    pub(super) fn into_waiting(mut self, returned: &mut VecDeque<Slot>) {
        for name in self.waiting.keys().cloned().collect::<Vec<_>>() {
            self.give_back(&name, None, returned);
        }
    }

    fn give_back(&mut self, name: &str, error: Option<Error>, returned: &mut VecDeque<Slot>) {
        let Some(Waiting { first, others }) = self.waiting.remove(name) else { return };
        self.count -= 1 + others.len();
        for slot in others.into_iter().rev() {
            returned.push_front(slot);
        }
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (first, error) {
            (Some(first), Some(error)) => first.refuse(error),
            (Some(first), None) => returned.push_front(first),
            (None, _) => {}
        }
    }
}

fn remember(known: &mut HashSet<String>, names: impl IntoIterator<Item = String>) {
    for name in names {
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(name);
    }
}
