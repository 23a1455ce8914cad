//! Where a collector that reads a history goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::history::Position;
use crate::transport::{Acknowledger, ConsumerWatch, Settle, Settlement};

/// How far one stream has been read and settled. Clones are the same.
#[derive(Clone)]
pub(super) struct Reading {
    unsettled: Arc<Mutex<Unsettled>>,
    status: ConsumerWatch,
}

/// What was taken and is not settled; as many as the prefetch allows.
#[derive(Debug, Default)]
struct Unsettled {
    open: BTreeSet<u64>,
    /// Behind the last that was taken.
    next: u64,
    /// How often the stream was made anew, as far as was heard; it counts from 0 again then.
    losses: u64,
}

impl Reading {
    pub(super) fn new(status: ConsumerWatch) -> Self {
        Self { unsettled: Arc::default(), status }
    }

    /// An event has come: whatever settles it from here on is taken in.
    pub(super) fn taken(&self, offset: u64, acknowledger: Acknowledger) -> Acknowledger {
        let losses = self.status.look(|status| status.losses);
        self.with(|unsettled| unsettled.take(offset, losses));
        Acknowledger::new(Box::new(Tracked { reading: self.clone(), offset, acknowledger }))
    }

    /// Where to go on once the `stored` are in the store: no further than to the first that is neither there nor settled.
    pub(super) fn resume_at(&self, stored: &BTreeSet<u64>) -> Position {
        Position::Offset(self.with(|unsettled| unsettled.resume_at(stored)))
    }

    /// Nothing that runs under this lock calls code that could panic or wait.
    fn with<R>(&self, work: impl FnOnce(&mut Unsettled) -> R) -> R {
        work(&mut self.unsettled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Unsettled {
    fn take(&mut self, offset: u64, losses: u64) {
        if self.losses != losses {
            *self = Self { losses, ..Self::default() };
        }
        self.open.insert(offset);
        self.next = self.next.max(offset.saturating_add(1));
    }

    fn resume_at(&self, stored: &BTreeSet<u64>) -> u64 {
        self.open.difference(stored).next().copied().unwrap_or(self.next)
    }
}

/// Settles an event, and says so. What is given back stays open: it comes again to the same listener.
struct Tracked {
    reading: Reading,
    offset: u64,
    acknowledger: Acknowledger,
}

impl Settle for Tracked {
    fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), Error> {
        let Self { reading, offset, acknowledger } = *self;
        let is_done = matches!(settlement, Settlement::Ack | Settlement::Reject { .. });
        // A decision that cannot arrive changes nothing: the event comes again.
        acknowledger.settle(settlement)?;
        if is_done {
            reading.with(|unsettled| unsettled.open.remove(&offset));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Take,
        /// One of those in hand.
        Settle(prop::sample::Index),
        /// What is in hand goes into the store, as far as it was chosen.
        Store(Vec<prop::sample::Index>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Take),
            3 => any::<prop::sample::Index>().prop_map(Step::Settle),
            2 => prop::collection::vec(any::<prop::sample::Index>(), 0..4).prop_map(Step::Store),
        ]
    }

    proptest! {
        #[test]
        fn nothing_before_it_is_missing_and_it_is_as_far_as_can_be(
            start in 0_u64..5, steps in prop::collection::vec(step(), 0..200),
        ) {
            let (mut unsettled, mut at) = (Unsettled::default(), start);
            let (mut in_hand, mut settled) = (Vec::new(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Take => {
                        unsettled.take(at, 0);
                        in_hand.push(at);
                        at += 1;
                    }
                    Step::Settle(which) if !in_hand.is_empty() => {
                        let offset = in_hand.swap_remove(which.index(in_hand.len()));
                        unsettled.open.remove(&offset);
                        settled.insert(offset);
                    }
                    Step::Store(which) if !in_hand.is_empty() => {
                        let stored: BTreeSet<_> = which.iter().map(|it| in_hand[it.index(in_hand.len())]).collect();
                        let is_there = |offset: u64| settled.contains(&offset) || stored.contains(&offset);
                        let resume = unsettled.resume_at(&stored);
                        prop_assert!((start..resume).all(is_there), "a gap before {}", resume);
                        prop_assert!(resume == at || !is_there(resume), "{} comes again for nothing", resume);
                    }
                    Step::Settle(_) | Step::Store(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_stream_that_was_made_anew_counts_from_its_beginning() {
        let mut unsettled = Unsettled::default();
        (5_000..5_003).for_each(|offset| unsettled.take(offset, 0));
        unsettled.take(0, 1);
        assert_eq!(unsettled.resume_at(&BTreeSet::from([0])), 1);
    }
}
