//! What waits to be sent, and what is dropped when it is too much.

use std::collections::{BTreeSet, VecDeque};

use super::WhenFull;

/// Events that wait, in order, bounded in number and in bytes; and the numbers of those that are being sent.
#[derive(Debug)]
pub(super) struct Queue<T> {
    capacity: usize,
    most_bytes: usize,
    waiting: VecDeque<Waiting<T>>,
    bytes: usize,
    in_flight: BTreeSet<u64>,
    next: u64,
    closed: bool,
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) dropped: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    size: usize,
    item: T,
}

/// What became of an event that was put in.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Put<T> {
    /// It waits to be sent.
    Waits,
    /// There is no room, and it was told to wait for some.
    Full(T),
    /// There is no room, and it is dropped.
    Dropped(T),
    /// Nothing is taken in any more.
    Closed(T),
}

impl<T> Queue<T> {
    /// Room for `capacity` events and `most_bytes`; both 0 count as 1.
    pub(super) fn new(capacity: usize, most_bytes: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            most_bytes: most_bytes.max(1),
            waiting: VecDeque::new(),
            bytes: 0,
            in_flight: BTreeSet::new(),
            next: 0,
            closed: false,
            sent: 0,
            failed: 0,
            dropped: 0,
        }
    }

    /// Puts an event of `size` bytes behind the others; those that had to make room for it are `displaced`. One that is larger
    /// than all the room has it for itself.
    pub(super) fn put(
        &mut self,
        item: T,
        size: usize,
        when_full: WhenFull,
        displaced: &mut Vec<T>,
    ) -> Put<T> {
        if self.closed {
            return Put::Closed(item);
        }
        while !self.has_room(size) {
            match when_full {
                WhenFull::Wait => return Put::Full(item),
                WhenFull::DropNewest => {
                    self.dropped += 1;
                    return Put::Dropped(item);
                }
                WhenFull::DropOldest => {
                    // There is one: without any there would be room.
                    let Some(oldest) = self.waiting.pop_front() else { continue };
                    self.bytes -= oldest.size;
                    self.dropped += 1;
                    displaced.push(oldest.item);
                }
            }
        }
        self.waiting.push_back(Waiting { number: self.next, size, item });
        self.bytes += size;
        self.next += 1;
        Put::Waits
    }

    /// The event that has waited longest, and its number.
    pub(super) fn take(&mut self) -> Option<(u64, T)> {
        let Waiting { number, size, item } = self.waiting.pop_front()?;
        self.bytes -= size;
        self.in_flight.insert(number);
        Some((number, item))
    }

    /// Says how the sending of an event that was taken has ended.
    pub(super) fn ended(&mut self, number: u64, sent: bool) {
        if self.in_flight.remove(&number) {
            *(if sent { &mut self.sent } else { &mut self.failed }) += 1;
        }
    }

    /// Takes nothing more in.
    pub(super) const fn close(&mut self) {
        self.closed = true;
    }

    /// Gives up what waits and what is being sent: how many these are, and those that wait.
    pub(super) fn give_up(&mut self) -> (usize, Vec<T>) {
        self.closed = true;
        let given_up = self.waiting.len() + self.in_flight.len();
        let waiting = std::mem::take(&mut self.waiting);
        self.in_flight.clear();
        self.bytes = 0;
        self.dropped += given_up as u64;
        (given_up, waiting.into_iter().map(|waiting| waiting.item).collect())
    }

    /// The number of the next event.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// How many events before `number` have not ended.
    pub(super) fn pending_before(&self, number: u64) -> usize {
        // Both are in order of their numbers.
        self.waiting.partition_point(|waiting| waiting.number < number)
            + self.in_flight.range(..number).count()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn has_room(&self, size: usize) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < self.capacity && self.bytes.saturating_add(size) <= self.most_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put(usize),
        Take,
        End(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_usize..40).prop_map(Step::Put),
            2 => Just(Step::Take),
            2 => any::<bool>().prop_map(Step::End),
        ]
    }

    fn policy() -> impl Strategy<Value = WhenFull> {
        prop_oneof![Just(WhenFull::DropNewest), Just(WhenFull::DropOldest), Just(WhenFull::Wait)]
    }

    proptest! {
        /// Whatever is done: the bounds hold, order is kept, and every event is waiting, in flight, or counted once.
        #[test]
        fn every_event_is_accounted_for(
            capacity in 0_usize..6,
            most_bytes in 0_usize..100,
            when_full in policy(),
            steps in prop::collection::vec(step(), 0..200),
        ) {
            let mut queue = Queue::new(capacity, most_bytes);
            let (mut put, mut refused, mut last, mut taken) = (0_u64, 0_u64, None, Vec::new());
            let mut displaced = Vec::new();
            for step in steps {
                match step {
                    Step::Put(size) => match queue.put((put, size), size, when_full, &mut displaced) {
                        Put::Waits => put += 1,
                        Put::Dropped(item) => {
                            prop_assert_eq!((item, when_full), ((put, size), WhenFull::DropNewest));
                            (put, refused) = (put + 1, refused + 1);
                        }
                        Put::Full(item) => {
                            prop_assert_eq!((item, when_full), ((put, size), WhenFull::Wait));
                        }
                        Put::Closed(_) => prop_assert!(false),
                    },
                    Step::Take => {
                        if let Some((number, (index, _))) = queue.take() {
                            prop_assert!(last.is_none_or(|last| last < index), "in order");
                            last = Some(index);
                            taken.push(number);
                        }
                    }
                    Step::End(sent) => {
                        if let Some(number) = taken.pop() {
                            queue.ended(number, sent);
                            queue.ended(number, sent);
                        }
                    }
                }
                prop_assert!(queue.waiting() <= capacity.max(1));
                let sizes: usize = queue.waiting.iter().map(|waiting| waiting.size).sum();
                prop_assert_eq!(queue.bytes, sizes);
                prop_assert!(sizes <= most_bytes.max(1) || queue.waiting() == 1);
                let pending = (queue.waiting() + queue.in_flight()) as u64;
                prop_assert_eq!(queue.sent + queue.failed + queue.dropped + pending, put);
                prop_assert_eq!(queue.pending_before(queue.next()) as u64, pending);
                if when_full != WhenFull::DropOldest {
                    prop_assert_eq!((queue.dropped, displaced.len()), (refused, 0));
                }
            }
            prop_assert_eq!(queue.dropped, refused + displaced.len() as u64);
            let (waiting, in_flight) = (queue.waiting(), queue.in_flight());
            let (given_up, left) = queue.give_up();
            prop_assert_eq!((given_up, left.len()), (waiting + in_flight, waiting));
            prop_assert_eq!(queue.put((0, 0), 0, when_full, &mut displaced), Put::Closed((0, 0)));
            prop_assert_eq!(queue.sent + queue.failed + queue.dropped, put);
        }
    }
}
