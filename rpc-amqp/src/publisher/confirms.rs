//! Which message a returned one was.
//!
//! A broker sends the return of an unroutable message before the confirm of the same message, and says no more about when.
//! Each return reaches us with the confirm that comes next, which can be another message's. What can be concluded all the
//! same, in whichever order the confirms of a frame complete, when everything that is complete is taken in at once:
//!
//! - The return that a confirm carries belongs to the message that it names, whoever brought it.
//! - A confirm that carries nothing completed while the queue of returns was empty. The return of its message, and of
//!   every message whose confirm completed before, had left the queue by then: it is among those taken in.
//! - Whoever brought the return of that message completed before it (the return had to be in the queue first, and the
//!   queue was empty at the end); so did whoever brought the return of the bringer, and so on. All of them are decided.
//!
//! Nothing is held for ever: follow from a held message to the one whose return it brought, from that one's confirm to
//! the return which that brought, and so on. No return is brought twice, so the walk ends at a confirm that carried
//! nothing, or goes in a circle, and in a circle everybody's return was brought. All of this needs every return to name a
//! message of ours; a channel on which one does not is given up before it gets here.

use std::collections::HashMap;

/// What a confirm carried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carried {
    Nothing,
    /// The return of this message.
    Return(u64),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Routed to a queue, which has it.
    Confirmed,
    /// No queue takes it.
    Returned,
    /// The broker would not take responsibility for it.
    Refused,
}

/// The confirm of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Confirm {
    /// The message, by its number in the order of publishing.
    pub(super) number: u64,
    pub(super) acknowledged: bool,
    pub(super) carried: Carried,
}

/// Confirms and returns of one channel, matched.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    /// Not decided. What they carried, or what was carried by the returned messages that they stand for.
    held: HashMap<u64, Confirm>,
    /// By message whose return was seen: which of `held` brought it.
    bringers: HashMap<u64, u64>,
}

impl Confirms {
    /// Takes in all confirms that are complete, in any order, and gives every verdict that is certain now.
    ///
    /// No confirm may be missing that completed before one of `complete`.
    pub(super) fn take_in(&mut self, complete: &[Confirm]) -> Vec<(u64, Verdict)> {
        let mut touched = Vec::with_capacity(complete.len());
        for confirm in complete {
            self.held.insert(confirm.number, *confirm);
            touched.push(confirm.number);
            if let Carried::Return(other) = confirm.carried {
                self.bringers.insert(other, confirm.number);
                touched.push(other);
            }
        }
        let mut settled = Vec::with_capacity(complete.len());
        let mut free = Vec::new();
        while let Some(number) = touched.pop() {
            match self.take_out_returned(number) {
                Some((confirm, bringer)) => {
                    settled.push((number, Verdict::Returned));
                    touched.extend(bringer);
                    if let Carried::Return(other) = confirm.carried {
                        touched.push(other);
                    }
                }
                None => free.push(number),
            }
        }
        // Only now have all returns found their messages.
        for number in free {
            if self.held.get(&number).is_some_and(|confirm| confirm.carried == Carried::Nothing)
                && let Some(confirm) = self.held.remove(&number)
            {
                let verdict = if confirm.acknowledged { Verdict::Confirmed } else { Verdict::Refused };
                settled.push((number, verdict));
            }
        }
        settled
    }

    /// Takes out `number` if it is confirmed and its return was seen; whoever brought the return stands for it from
    /// now on.
    fn take_out_returned(&mut self, number: u64) -> Option<(Confirm, Option<u64>)> {
        let confirm = *self.held.get(&number)?;
        let bringer = self.bringers.remove(&number)?;
        self.held.remove(&number);
        if bringer == number {
            return Some((confirm, None));
        }
        if let Some(heir) = self.held.get_mut(&bringer) {
            heir.carried = confirm.carried;
        }
        if let Carried::Return(other) = confirm.carried {
            self.bringers.insert(other, bringer);
        }
        Some((confirm, Some(bringer)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// What broker and client can do: the broker reads messages in order, returns the unroutable ones as it reads them,
    /// and confirms any set of those it has read; the client completes the confirms of a frame in any order, each with
    /// the oldest return. We then see what is complete, in any order.
    struct Model {
        routable: Vec<bool>,
        read: usize,
        confirmable: Vec<u64>,
        returns: VecDeque<u64>,
        complete: Vec<Confirm>,
    }

    impl Model {
        fn read_next(&mut self) {
            let number = self.read;
            self.read += 1;
            if !self.routable[number] {
                self.returns.push_back(number as u64);
            }
            self.confirmable.push(number as u64);
        }

        /// A frame that covers `wanted` of what can be confirmed.
        fn frame(&mut self, wanted: &[Index], order: u64) {
            if self.confirmable.is_empty() {
                return;
            }
            let mut chosen: Vec<u64> = wanted.iter().map(|index| *index.get(&self.confirmable)).collect();
            chosen.sort_unstable();
            chosen.dedup();
            self.confirmable.retain(|number| !chosen.contains(number));
            self.complete(chosen, order);
        }

        fn complete(&mut self, mut frame: Vec<u64>, order: u64) {
            frame.sort_by_key(|number| scattered(*number, order));
            for number in frame {
                let carried = self.returns.pop_front().map_or(Carried::Nothing, Carried::Return);
                self.complete.push(Confirm { number, acknowledged: true, carried });
            }
        }

        fn seen(&mut self, order: u64) -> Vec<Confirm> {
            let mut seen = std::mem::take(&mut self.complete);
            seen.sort_by_key(|confirm| scattered(confirm.number, order.rotate_left(7)));
            seen
        }
    }

    fn scattered(number: u64, order: u64) -> u64 {
        (number + 1).wrapping_mul(order | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn run(routable: Vec<bool>, steps: Vec<(u8, Vec<Index>, u64)>) -> Vec<(u64, Verdict)> {
        let mut model = Model {
            routable,
            read: 0,
            confirmable: Vec::new(),
            returns: VecDeque::new(),
            complete: Vec::new(),
        };
        let total = model.routable.len();
        let mut confirms = Confirms::default();
        let mut settled = Vec::new();
        for (step, wanted, order) in steps {
            match step {
                0 if model.read < total => model.read_next(),
                1 => model.frame(&wanted, order),
                _ => settled.extend(confirms.take_in(&model.seen(order))),
            }
        }
        while model.read < total {
            model.read_next();
        }
        let rest = std::mem::take(&mut model.confirmable);
        model.complete(rest, 7);
        settled.extend(confirms.take_in(&model.seen(5)));
        assert!(confirms.held.is_empty() && confirms.bringers.is_empty(), "{confirms:?}");
        settled
    }

    const fn confirm(number: u64, acknowledged: bool, carried: Carried) -> Confirm {
        Confirm { number, acknowledged, carried }
    }

    #[test]
    fn a_foreign_return_holds_its_bringer_back() {
        let mut confirms = Confirms::default();
        assert_eq!(confirms.take_in(&[confirm(1, true, Carried::Return(0))]), []);
        let mut settled = confirms.take_in(&[confirm(0, true, Carried::Return(1))]);
        settled.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(settled, [(0, Verdict::Returned), (1, Verdict::Returned)]);
    }

    #[test]
    fn the_order_in_which_confirms_are_seen_means_nothing() {
        // Message 0 is unroutable and message 1 is not; one frame confirms both, and 1 is completed first.
        let seen = [confirm(0, true, Carried::Nothing), confirm(1, true, Carried::Return(0))];
        for seen in [seen, [seen[1], seen[0]]] {
            let mut settled = Confirms::default().take_in(&seen);
            settled.sort_unstable_by_key(|(number, _)| *number);
            assert_eq!(settled, [(0, Verdict::Returned), (1, Verdict::Confirmed)]);
        }
    }

    #[test]
    fn a_refusal_is_no_return() {
        let seen = [confirm(0, false, Carried::Nothing), confirm(1, false, Carried::Nothing)];
        let mut settled = Confirms::default().take_in(&seen);
        settled.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(settled, [(0, Verdict::Refused), (1, Verdict::Refused)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_message_gets_its_own_verdict(
            routable in prop::collection::vec(any::<bool>(), 1..60),
            steps in prop::collection::vec(
                (0_u8..3, prop::collection::vec(any::<Index>(), 1..10), any::<u64>()), 0..180),
        ) {
            let mut settled = run(routable.clone(), steps);
            settled.sort_unstable_by_key(|(number, _)| *number);
            let expected: Vec<_> = (0_u64..)
                .zip(routable)
                .map(|(number, routed)| (number, if routed { Verdict::Confirmed } else { Verdict::Returned }))
                .collect();
            prop_assert_eq!(settled, expected);
        }
    }
}
