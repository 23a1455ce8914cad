//! Messages that were handed over and are not settled yet.

use std::collections::HashMap;

use lapin::message::BasicReturnMessage;
use tokio::sync::oneshot;

use super::confirms::Carried;
use super::slot::Outcome;

/// Messages that were handed over and are not settled yet, by their number in the order of publishing.
#[derive(Default)]
pub(super) struct Flight {
    next: u64,
    bytes: usize,
    pending: HashMap<u64, Pending>,
    /// Numbers by message id, oldest first. Usually one; a message that is published again while the first attempt is
    /// unconfirmed has more.
    by_id: HashMap<Box<str>, Vec<u64>>,
}

pub(super) struct Pending {
    pub(super) id: Box<str>,
    pub(super) exchange: Box<str>,
    pub(super) key: Box<str>,
    pub(super) size: usize,
    pub(super) outcome: oneshot::Sender<Outcome>,
}

impl Flight {
    pub(super) fn add(&mut self, pending: Pending) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bytes += pending.size;
        self.by_id.entry(pending.id.clone()).or_default().push(number);
        self.pending.insert(number, pending);
        number
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.bytes -= pending.size;
        if let Some(numbers) = self.by_id.get_mut(&pending.id) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_id.remove(&pending.id);
            }
        }
        Some(pending)
    }

    /// Whose return this is. Of two attempts of one message to one place it is the older one's, since returns come in
    /// order; it is taken off the list, so that the next return is the other's.
    pub(super) fn whose(&mut self, returned: Option<&BasicReturnMessage>) -> Carried {
        let Some(returned) = returned else { return Carried::Nothing };
        let id = returned.properties.message_id().as_ref().map_or("", |id| id.as_str());
        self.owner(id, returned.exchange.as_str(), returned.routing_key.as_str())
    }

    fn owner(&mut self, id: &str, exchange: &str, key: &str) -> Carried {
        let Some(numbers) = self.by_id.get_mut(id) else { return Carried::Stranger };
        let is_it = |number: &u64| {
            self.pending
                .get(number)
                .is_some_and(|pending| &*pending.exchange == exchange && &*pending.key == key)
        };
        match numbers.iter().position(is_it) {
            Some(index) => Carried::Return(numbers.remove(index)),
            None => Carried::Stranger,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Pending> {
        self.bytes = 0;
        self.by_id.clear();
        self.pending.drain().map(|(_, pending)| pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(id: &str, key: &str) -> Pending {
        let (outcome, _) = oneshot::channel();
        Pending { id: id.into(), exchange: "x".into(), key: key.into(), size: 10, outcome }
    }

    #[test]
    fn attempts_of_one_message_are_told_apart() {
        let mut flight = Flight::default();
        let first = flight.add(pending("m", "a"));
        let second = flight.add(pending("m", "b"));
        let third = flight.add(pending("m", "a"));
        assert_eq!(flight.owner("m", "x", "b"), Carried::Return(second));
        assert_eq!(flight.owner("m", "x", "a"), Carried::Return(first));
        assert_eq!(flight.owner("m", "x", "a"), Carried::Return(third));
        assert_eq!(flight.owner("m", "x", "a"), Carried::Stranger);
        assert_eq!(flight.owner("other", "x", "a"), Carried::Stranger);
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let mut flight = Flight::default();
        let number = flight.add(pending("m", "a"));
        assert_eq!((flight.len(), flight.bytes()), (1, 10));
        assert!(flight.remove(number).is_some() && flight.remove(number).is_none());
        assert_eq!((flight.len(), flight.bytes()), (0, 0));
        assert!(flight.by_id.is_empty());
    }
}
