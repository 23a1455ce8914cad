//! Messages that were handed over and are not settled yet.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use tokio::time::Instant;

use super::caller::Caller;
use super::confirms::Carried;
use super::culprit::Suspect;
use super::gate::RouteId;
use crate::library::Returned;

/// Messages that were handed over and are not settled yet, by their number in the order of publishing.
#[derive(Default)]
pub(super) struct Flight {
    pending: BTreeMap<u64, Pending>,
    /// Numbers by [`Id`], oldest first. Usually one; a message that is published again while the first attempt is
    /// unconfirmed has more.
    by_id: BTreeSet<(Id, u64)>,
    /// Makes ids.
    hasher: RandomState,
}

/// By what a message is known when it comes back: a hash of its message id, or of its body where the wire has no place for an
/// id among the properties. Messages of one body to one place need not be told apart: what becomes of them becomes of them
/// in their order. The hash has a key of this process, so nobody can make two messages look alike.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Id(u64);

pub(super) struct Pending {
    pub(super) id: Id,
    pub(super) exchange: Box<str>,
    pub(super) key: Box<str>,
    pub(super) route: RouteId,
    pub(super) size: usize,
    /// How many octets the connection has written with the last of it.
    pub(super) position: u64,
    /// When it was handed over.
    pub(super) since: Instant,
    /// Until when its caller waits.
    pub(super) until: Instant,
    /// Whether its caller may be told late that it was confirmed.
    pub(super) is_quiet: bool,
    pub(super) caller: Caller,
}

/// A returned message that names none of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stranger;

impl Flight {
    /// By what a message will be known.
    pub(super) fn id(&self, message_id: Option<&str>, body: &[u8]) -> Id {
        Id(match message_id {
            Some(id) => self.hasher.hash_one(id),
            None => self.hasher.hash_one(body),
        })
    }

    pub(super) fn add(&mut self, number: u64, pending: Pending) {
        self.by_id.insert((pending.id, number));
        self.pending.insert(number, pending);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.by_id.remove(&(pending.id, number));
        Some(pending)
    }

    /// Whose return this is. Of two attempts of one message to one place it is the older one's, since returns come in
    /// order; it is taken off the list, so that the next return is the other's.
    pub(super) fn whose(&mut self, returned: Option<&Returned>) -> Result<Carried, Stranger> {
        let Some(returned) = returned else { return Ok(Carried::Nothing) };
        let id = returned.properties.message_id().as_ref().map(|id| id.as_str());
        let id = self.id(id, &returned.body);
        self.owner(id, &returned.exchange, &returned.key)
    }

    fn owner(&mut self, id: Id, exchange: &str, key: &str) -> Result<Carried, Stranger> {
        let is_it = |number: &u64| {
            self.pending
                .get(number)
                .is_some_and(|pending| &*pending.exchange == exchange && &*pending.key == key)
        };
        let mut numbers = self.by_id.range((id, 0)..=(id, u64::MAX)).map(|(_, number)| *number);
        let number = numbers.find(is_it).ok_or(Stranger)?;
        self.by_id.remove(&(id, number));
        Ok(Carried::Return(number))
    }

    /// When the oldest of them was handed over.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.pending.first_key_value().map(|(_, pending)| pending.since)
    }

    /// Whether somebody still waits for the outcome of one of them.
    pub(super) fn is_awaited(&self, now: Instant) -> bool {
        self.pending.values().any(|pending| !pending.caller.is_gone(pending.until, now))
    }

    /// Whether one that was not written yet is past its caller's deadline.
    pub(super) fn has_expired_since(&self, written: u64, now: Instant) -> bool {
        let unwritten = self.pending.values().rev().take_while(|pending| pending.position > written);
        unwritten.into_iter().any(|pending| pending.until <= now)
    }

    /// All of them, oldest first.
    pub(super) fn suspects(&self) -> impl Iterator<Item = Suspect<'_>> + Clone {
        self.pending.iter().map(|(number, pending)| Suspect {
            number: *number,
            exchange: &pending.exchange,
            size: pending.size,
        })
    }

    /// All of them, oldest first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Pending> + use<> {
        self.by_id.clear();
        std::mem::take(&mut self.pending).into_values()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn pending(id: &str, key: &str) -> Pending {
        let (caller, _) = oneshot::channel();
        let now = Instant::now();
        let route = RouteId::of("x", key);
        Pending {
            id: named(id),
            exchange: "x".into(),
            key: key.into(),
            route,
            size: 10,
            position: 0,
            since: now,
            until: now,
            is_quiet: false,
            caller: Caller::Waits(caller),
        }
    }

    fn named(id: &str) -> Id {
        Id(id.bytes().map(u64::from).sum())
    }

    #[test]
    fn what_has_no_id_is_known_by_its_body() {
        let flight = Flight::default();
        assert_eq!(flight.id(None, b"a"), flight.id(None, b"a"));
        assert_ne!(flight.id(None, b"a"), flight.id(None, b"b"));
        assert_eq!(flight.id(Some("m"), b"a"), flight.id(Some("m"), b"b"));
    }

    #[test]
    fn attempts_of_one_message_are_told_apart() {
        let mut flight = Flight::default();
        let [first, second, third] = [1, 2, 3];
        flight.add(first, pending("m", "a"));
        flight.add(second, pending("m", "b"));
        flight.add(third, pending("m", "a"));
        assert_eq!(flight.owner(named("m"), "x", "b"), Ok(Carried::Return(second)));
        assert_eq!(flight.owner(named("m"), "x", "a"), Ok(Carried::Return(first)));
        assert_eq!(flight.owner(named("m"), "x", "a"), Ok(Carried::Return(third)));
        assert_eq!(flight.owner(named("m"), "x", "a"), Err(Stranger));
        assert_eq!(flight.owner(named("other"), "x", "a"), Err(Stranger));
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let mut flight = Flight::default();
        let number = 1;
        flight.add(number, pending("m", "a"));
        assert!(flight.oldest().is_some() && !flight.is_awaited(Instant::now()));
        assert!(flight.remove(number).is_some() && flight.remove(number).is_none());
        assert!(flight.oldest().is_none() && flight.by_id.is_empty());
    }

    #[test]
    fn only_what_was_not_written_yet_is_looked_at() {
        let mut flight = Flight::default();
        for (number, id) in [(1, "a"), (2, "b")] {
            flight.add(number, Pending { position: number * 100, ..pending(id, "a") });
        }
        let now = Instant::now();
        assert!(flight.has_expired_since(0, now) && flight.has_expired_since(199, now));
        assert!(!flight.has_expired_since(200, now));
        assert!(!flight.has_expired_since(0, now - std::time::Duration::from_secs(1)));
    }
}
