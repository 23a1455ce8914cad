//! All queues of a broker, and which of them a destination means.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::dead_letters::{DeadLetters, replayed};
use super::queue::{Queue, Taker};
use crate::dead_letters::{DeadLetter, DeadLetterQuery, DeadLetters as Door, Treated, Treatment};
use crate::error::{Code, Error};
use crate::message::{Malformed, Message};
use crate::priority::Priority;
use crate::reply_address::ReplyAddress;
use crate::target::{Route, Target};
use crate::transport::{Destination, QueueDepth, Settlement, Source};

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum QueueName {
    Topic { exchange: Arc<str>, topic: Arc<str> },
    Server { exchange: Arc<str>, topic: Arc<str>, server: Arc<str> },
    Fanout { exchange: Arc<str>, topic: Arc<str>, taker: u64 },
    Reply(ReplyAddress),
    Notify { exchange: Arc<str>, topic: Arc<str>, priority: Priority, pool: Option<Arc<str>> },
}

#[derive(Default)]
pub(super) struct State {
    queues: Table<QueueName, Queue>,
    /// The fanout queues of a topic, by exchange and topic.
    fanouts: Table<(Arc<str>, Arc<str>), BTreeSet<QueueName>>,
    /// The pools of a notification topic.
    pools: Table<(Arc<str>, Arc<str>, Priority), BTreeSet<QueueName>>,
    pub(super) dead_letters: DeadLetters,
}

type Table<K, V> = HashMap<K, V, RandomState>;

/// The queues that a destination means.
enum Routed {
    One(QueueName),
    Many(Vec<QueueName>),
}

impl QueueName {
    /// Exchange and topic.
    fn place(&self) -> (&str, &str) {
        match self {
            Self::Topic { exchange, topic }
            | Self::Server { exchange, topic, .. }
            | Self::Fanout { exchange, topic, .. }
            | Self::Notify { exchange, topic, .. } => (exchange, topic),
            Self::Reply(_) => ("", "replies"),
        }
    }

    /// Whether the queue ends with its last taker.
    const fn is_transient(&self) -> bool {
        matches!(self, Self::Fanout { .. } | Self::Reply(_))
    }
}

/// As the queue would be called on RabbitMQ, for people.
impl fmt::Display for QueueName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic { exchange, topic } => write!(formatter, "rpc.{exchange}.{topic}"),
            Self::Server { exchange, topic, server } => write!(formatter, "rpc.{exchange}.{topic}.{server}"),
            Self::Fanout { topic, taker, .. } => write!(formatter, "fan.{topic}.{taker}"),
            Self::Reply(address) => formatter.write_str(address.as_str()),
            Self::Notify { exchange, topic, priority, pool } => {
                write!(formatter, "notify.{exchange}.{topic}.{priority}")?;
                pool.as_ref().map_or(Ok(()), |pool| write!(formatter, ".{pool}"))
            }
        }
    }
}

impl State {
    /// Puts the message into every queue that the destination means.
    pub(super) fn publish(&mut self, destination: &Destination, message: Message) -> Result<(), Error> {
        let now = Instant::now();
        let expires = time_to_live(&message).map(|time_to_live| now + time_to_live);
        let full = || Error::new(Code::Overloaded, format!("the queue of {destination} is full"));
        let names = match self.route(destination)? {
            Routed::One(name) => {
                let Some(queue) = self.queues.get_mut(&name) else { return Err(nobody(destination)) };
                if queue.is_full(now) {
                    return Err(full());
                }
                queue.push(message, expires);
                queue.hand_out(now);
                return Ok(());
            }
            Routed::Many(names) => names,
        };
        let is_full = |name| self.queues.get_mut(name).is_some_and(|queue| queue.is_full(now));
        if !matches!(names.first(), Some(QueueName::Fanout { .. })) && names.iter().any(is_full) {
            return Err(full());
        }
        for name in &names {
            let Some(queue) = self.queues.get_mut(name) else { continue };
            // Only a fanout gets here with a full queue, and passes it over.
            if !queue.is_full(now) {
                queue.push(message.clone(), expires);
                queue.hand_out(now);
            }
        }
        Ok(())
    }

    /// How full the queue of a request is; `None` for a fanout.
    pub(super) fn inspect(&self, target: &Target) -> Result<Option<QueueDepth>, Error> {
        if target.route() == Route::Fanout {
            return Ok(None);
        }
        let queue = self.queues.get(&request_queue(target));
        queue.map(|queue| Some(queue.depth(Instant::now()))).ok_or_else(|| no_queue(target))
    }

    /// One that is alone need not exist.
    fn route(&mut self, destination: &Destination) -> Result<Routed, Error> {
        let name = match destination {
            Destination::Request(target) => match target.route() {
                Route::Fanout => {
                    let (exchange, topic, _) = target.names();
                    let names = self.fanouts.get(&(exchange, topic));
                    return Ok(Routed::Many(names.into_iter().flatten().cloned().collect()));
                }
                Route::Topic | Route::Server(_) => request_queue(target),
            },
            Destination::Reply(address) => QueueName::Reply(address.clone()),
            Destination::Notification { exchange, topic, priority } => {
                let key = (Arc::from(exchange.as_str()), Arc::from(topic.as_str()), *priority);
                if let Some(names) = self.pools.get(&key) {
                    return Ok(Routed::Many(names.iter().cloned().collect()));
                }
                // Nobody has ever listened: it is kept for the default pool. That has not subscribed by this, so nothing
                // gathers there once another pool has.
                let (exchange, topic, priority) = key;
                let name = QueueName::Notify { exchange, topic, priority, pool: None };
                self.queues.entry(name.clone()).or_default();
                return Ok(Routed::One(name));
            }
        };
        Ok(Routed::One(name))
    }

    /// Declares the queues of a source.
    pub(super) fn declare_source(&mut self, source: &Source, taker: u64) -> Vec<QueueName> {
        let names: Vec<QueueName> = match source {
            Source::Requests(target) => vec![match target.route() {
                Route::Topic | Route::Server(_) => request_queue(target),
                Route::Fanout => {
                    let (exchange, topic, _) = target.names();
                    QueueName::Fanout { exchange, topic, taker }
                }
            }],
            Source::Replies(address) => vec![QueueName::Reply(address.clone())],
            Source::Notifications(subscription) => {
                // One that is named twice is consumed once.
                let topics: HashSet<_> = subscription.topics.iter().collect();
                let priorities: HashSet<_> = subscription.priorities.iter().copied().collect();
                let pairs =
                    topics.iter().flat_map(|topic| priorities.iter().map(move |priority| (topic, priority)));
                pairs
                    .map(|(topic, priority)| QueueName::Notify {
                        exchange: subscription.exchange.as_str().into(),
                        topic: topic.as_str().into(),
                        priority: *priority,
                        pool: subscription.pool.as_deref().map(Arc::from),
                    })
                    .collect()
            }
        };
        names.iter().cloned().for_each(|name| self.declare(name));
        names
    }

    fn declare(&mut self, name: QueueName) {
        match &name {
            QueueName::Fanout { exchange, topic, .. } => {
                let key = (exchange.clone(), topic.clone());
                self.fanouts.entry(key).or_default().insert(name.clone());
            }
            QueueName::Notify { exchange, topic, priority, .. } => {
                let key = (exchange.clone(), topic.clone(), *priority);
                self.pools.entry(key).or_default().insert(name.clone());
            }
            QueueName::Topic { .. } | QueueName::Server { .. } | QueueName::Reply(_) => {}
        }
        self.queues.entry(name).or_default();
    }

    pub(super) fn attach(&mut self, name: &QueueName, taker: Taker) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.attach(taker);
            queue.hand_out(Instant::now());
        }
    }

    pub(super) fn is_out(&self, name: &QueueName, taker: u64, place: u64) -> bool {
        self.queues.get(name).is_some_and(|queue| queue.is_out(taker, place))
    }

    /// Settles a message; `false` when it was given back already.
    pub(super) fn settle(
        &mut self,
        name: &QueueName,
        taker: u64,
        place: u64,
        settlement: Settlement,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(name) else { return false };
        let Some(stored) = queue.take_unsettled(taker, place) else { return false };
        match settlement {
            Settlement::Ack => {}
            Settlement::Requeue => queue.put_back(place, stored),
            Settlement::Retry { attempt } => queue.retry(stored, attempt),
            Settlement::Reject { code, reason } => {
                let (exchange, topic) = name.place();
                let message_id = Some(stored.message.id().clone());
                let letter = DeadLetter {
                    queue: name.to_string(),
                    code,
                    reason,
                    rejected_at: Some(SystemTime::now()),
                    message_id,
                    ..DeadLetter::new(exchange, topic, Ok(stored.message))
                };
                self.dead_letters.add(letter, name.clone());
            }
        }
        if queue.has_ready() {
            queue.hand_out(Instant::now());
        }
        true
    }

    /// Does with the dead letters of a topic what `query` says.
    pub(super) fn treat_dead_letters(&mut self, query: &DeadLetterQuery) -> Treated {
        let DeadLetterQuery { exchange, topic, treatment, filter, most } = query;
        let mut treated = Treated::nothing();
        // Apart for the time, since replaying needs the queues.
        let mut dead_letters = std::mem::take(&mut self.dead_letters);
        dead_letters.retain(exchange, topic, |kept| {
            if treated.matched() == *most || treated.looked_at == Door::MOST_LOOKED_AT {
                treated.is_complete = false;
                return true;
            }
            treated.looked_at += 1;
            if !filter.matches(&kept.letter) {
                return true;
            }
            let outcome = match treatment {
                Treatment::Inspect | Treatment::Discard => Ok(()),
                Treatment::Replay => self.replay(&kept.letter, &kept.origin),
            };
            match outcome {
                Ok(()) => {
                    treated.letters.push(kept.letter.clone());
                    *treatment == Treatment::Inspect
                }
                Err(error) => {
                    treated.left.push((kept.letter.clone(), error));
                    true
                }
            }
        });
        self.dead_letters = dead_letters;
        treated
    }

    fn replay(&mut self, letter: &DeadLetter, origin: &QueueName) -> Result<(), Error> {
        let now = Instant::now();
        let message = letter.message.as_ref().map_err(Malformed::error)?;
        let queue = self.queues.get_mut(origin).ok_or_else(|| {
            Error::new(Code::Unroutable, format!("the queue that it was rejected from is gone: {origin}"))
        })?;
        if queue.is_full(now) {
            return Err(Error::new(Code::Overloaded, format!("the queue is full: {origin}")));
        }
        queue.push(replayed(message), None);
        queue.hand_out(now);
        Ok(())
    }

    /// Hands nothing more to this taker; a queue of its own takes nothing more in.
    pub(super) fn stop(&mut self, name: &QueueName, taker: u64) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.stop(taker);
        }
        if matches!(name, QueueName::Fanout { .. }) {
            self.unbind(name);
        }
    }

    /// Removes one taker.
    pub(super) fn detach(&mut self, name: &QueueName, taker: u64) {
        self.detach_where(name, |other| other.id == taker);
    }

    /// Removes all takers of a connection.
    pub(super) fn detach_connection(&mut self, connection: u64) {
        let names: Vec<_> = self.queues.keys().cloned().collect();
        for name in names {
            self.detach_where(&name, |other| other.connection == connection);
        }
    }

    fn detach_where(&mut self, name: &QueueName, leaves: impl Fn(&Taker) -> bool) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        queue.detach(leaves);
        if name.is_transient() && !queue.has_takers() {
            self.queues.remove(name);
            self.unbind(name);
        } else {
            queue.hand_out(Instant::now());
        }
    }

    fn unbind(&mut self, name: &QueueName) {
        if let QueueName::Fanout { exchange, topic, .. } = name {
            let key = (exchange.clone(), topic.clone());
            let bound = self.fanouts.get_mut(&key);
            if bound.is_some_and(|bound| {
                bound.remove(name);
                bound.is_empty()
            }) {
                self.fanouts.remove(&key);
            }
        }
    }
}

fn nobody(destination: &Destination) -> Error {
    match destination {
        Destination::Reply(_) => Error::new(Code::Unroutable, "the caller is gone"),
        _ => no_queue(destination),
    }
}

fn no_queue(destination: impl fmt::Display) -> Error {
    Error::new(Code::Unroutable, format!("no queue for {destination}: no such server was ever started"))
}

fn request_queue(target: &Target) -> QueueName {
    match target.names() {
        (exchange, topic, Some(server)) => QueueName::Server { exchange, topic, server },
        (exchange, topic, None) => QueueName::Topic { exchange, topic },
    }
}

fn time_to_live(message: &Message) -> Option<std::time::Duration> {
    match message {
        Message::Request(request) => request.time_to_live,
        Message::Reply(reply) => reply.time_to_live,
        Message::Notification(_) => None,
    }
}
