//! Which message a returned one was.
//!
//! A broker sends the return of an unroutable message before the confirm of the same message. The client library queues
//! returns and gives the oldest to whichever confirm completes next, so the confirm of one message can carry the return
//! of another. What can be concluded all the same, from confirms in the order of their completion:
//!
//! - The return that a confirm carries belongs to the message that it names, whoever brought it.
//! - A confirm that carries nothing shows that the queue of returns was empty. The return of a message comes before its
//!   confirm, so every return of a message confirmed until now was seen: all that are held and not marked were routed.
//! - Returns come in the order of publishing and leave the queue in the same order. A confirm that carries the return of
//!   message `x` shows that the returns of all messages before `x` were seen.
//! - Otherwise the confirmed message is held: its own return may still stand in the queue behind the one that was seen.
//!   The confirm of the message whose return was seen is on its way, and takes the next one out.
//!
//! Nothing is held for ever: follow from a held message to the one whose return it carried, from that one's confirm to
//! the return which that carried, and so on. No return is carried twice, so the walk repeats nothing and ends at a
//! confirm that carried nothing, which came later than all of them.

use std::collections::{BTreeMap, HashSet};

/// What a confirm carried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carried {
    Nothing,
    /// The return of this message.
    Return(u64),
    /// A return that names no message of ours.
    Stranger,
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

/// Confirms and returns of one channel, matched. Messages are named by their number in the order of publishing.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    /// Returned, but not confirmed yet.
    returned: HashSet<u64>,
    /// Confirmed, but its return may still come: the verdict if it does not.
    held: BTreeMap<u64, Verdict>,
    /// The returns of all messages before this one were seen.
    seen_before: u64,
}

impl Confirms {
    /// Takes in the confirm of message `number`, and appends every verdict that is certain now to `settled`.
    pub(super) fn confirmed(
        &mut self,
        number: u64,
        acknowledged: bool,
        carried: Carried,
        settled: &mut Vec<(u64, Verdict)>,
    ) {
        if let Carried::Return(other) = carried {
            self.seen_before = self.seen_before.max(other);
            self.mark(other, settled);
        }
        if self.returned.remove(&number) {
            settled.push((number, Verdict::Returned));
        } else {
            self.held.insert(number, if acknowledged { Verdict::Confirmed } else { Verdict::Refused });
        }
        if carried == Carried::Nothing {
            settled.extend(std::mem::take(&mut self.held));
        } else {
            let undecided = self.held.split_off(&self.seen_before);
            settled.extend(std::mem::replace(&mut self.held, undecided));
        }
    }

    fn mark(&mut self, number: u64, settled: &mut Vec<(u64, Verdict)>) {
        if self.held.remove(&number).is_some() {
            settled.push((number, Verdict::Returned));
        } else {
            self.returned.insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// What broker and library can do: the broker reads messages in order, returns the unroutable ones as it reads them,
    /// and confirms any set of those it has read, unroutable ones in order; the library completes the confirms of a
    /// frame in any order, each with the oldest return.
    struct Model {
        routable: Vec<bool>,
        read: usize,
        confirmable: Vec<u64>,
        returns: VecDeque<u64>,
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

        /// A frame that covers `wanted` of what can be confirmed; an unroutable message brings those before it along.
        fn frame(&mut self, wanted: &[Index]) -> Vec<u64> {
            if self.confirmable.is_empty() {
                return Vec::new();
            }
            let mut chosen: Vec<u64> = wanted.iter().map(|index| *index.get(&self.confirmable)).collect();
            let unroutable = |number: &u64| !self.routable[usize::try_from(*number).unwrap()];
            if let Some(last) = chosen.iter().copied().filter(unroutable).max() {
                chosen.extend(self.confirmable.iter().filter(|number| unroutable(number) && **number < last));
            }
            chosen.sort_unstable();
            chosen.dedup();
            self.confirmable.retain(|number| !chosen.contains(number));
            chosen
        }
    }

    fn run(routable: Vec<bool>, steps: Vec<(bool, Vec<Index>, u64)>) -> Vec<(u64, Verdict)> {
        let total = routable.len();
        let mut model = Model { routable, read: 0, confirmable: Vec::new(), returns: VecDeque::new() };
        let mut confirms = Confirms::default();
        let mut settled = Vec::new();
        let mut complete = |mut frame: Vec<u64>, order: u64, returns: &mut VecDeque<u64>| {
            frame.sort_by_key(|number| number.wrapping_mul(order | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            for number in frame {
                let carried = returns.pop_front().map_or(Carried::Nothing, Carried::Return);
                confirms.confirmed(number, true, carried, &mut settled);
            }
        };
        for (read, wanted, order) in steps {
            if read && model.read < total {
                model.read_next();
            } else {
                let frame = model.frame(&wanted);
                complete(frame, order, &mut model.returns);
            }
        }
        while model.read < total {
            model.read_next();
        }
        let rest = std::mem::take(&mut model.confirmable);
        complete(rest, 7, &mut model.returns);
        assert!(confirms.held.is_empty() && confirms.returned.is_empty(), "{confirms:?}");
        settled
    }

    #[test]
    fn a_foreign_return_holds_its_bearer_back() {
        let mut confirms = Confirms::default();
        let mut settled = Vec::new();
        confirms.confirmed(1, true, Carried::Return(0), &mut settled);
        assert_eq!(settled, []);
        confirms.confirmed(0, true, Carried::Return(1), &mut settled);
        settled.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(settled, [(0, Verdict::Returned), (1, Verdict::Returned)]);
    }

    #[test]
    fn a_later_return_decides_at_once() {
        let mut confirms = Confirms::default();
        let mut settled = Vec::new();
        confirms.confirmed(0, true, Carried::Return(1), &mut settled);
        assert_eq!(settled, [(0, Verdict::Confirmed)]);
    }

    #[test]
    fn a_refusal_is_no_return() {
        let mut confirms = Confirms::default();
        let mut settled = Vec::new();
        confirms.confirmed(0, false, Carried::Nothing, &mut settled);
        confirms.confirmed(1, false, Carried::Return(1), &mut settled);
        assert_eq!(settled, [(0, Verdict::Refused), (1, Verdict::Returned)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_message_gets_its_own_verdict(
            routable in prop::collection::vec(any::<bool>(), 1..60),
            steps in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any::<Index>(), 1..10), any::<u64>()), 0..120),
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
