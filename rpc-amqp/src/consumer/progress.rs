//! How far a stream has been read.

use std::collections::BTreeMap;

/// How far a stream has been read, over all channels of a consumer. The broker does not know it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Behind the last message that was taken, if one was.
    next: Option<u64>,
    /// Taken and not settled, each with how often it was taken; as many as the prefetch allows.
    open: BTreeMap<u64, u32>,
    /// Where the channel was asked to begin.
    asked: u64,
}

impl Progress {
    /// Where the next channel is asked to begin, so that nothing is missed; `None` before the first message.
    pub(super) fn resume(&mut self) -> Option<u64> {
        let first = self.open.keys().next().copied().or(self.next);
        self.asked = first.unwrap_or(0);
        first
    }

    /// A message has come: how often it was taken before. `None` when it was settled before, and came again for the sake of an
    /// earlier one.
    pub(super) fn take(&mut self, offset: u64) -> Option<u32> {
        if offset < self.asked {
            // A channel begins no earlier than it is asked to, unless the stream was made anew and counts from 0.
            *self = Self::default();
        }
        if self.next.is_some_and(|next| offset < next) {
            let times = self.open.get_mut(&offset)?;
            let earlier = *times;
            *times = times.saturating_add(1);
            return Some(earlier);
        }
        self.next = Some(offset.saturating_add(1));
        self.open.insert(offset, 1);
        Some(0)
    }

    pub(super) fn settle(&mut self, offset: u64) {
        self.open.remove(&offset);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Deliver,
        /// One of those in hand.
        Settle(prop::sample::Index),
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Deliver),
            3 => any::<prop::sample::Index>().prop_map(Step::Settle),
            1 => Just(Step::Reconnect),
        ]
    }

    proptest! {
        #[test]
        fn each_message_is_handed_out_until_it_is_settled(
            start in 0_u64..5, steps in prop::collection::vec(step(), 0..300),
        ) {
            let (mut progress, mut at) = (Progress::default(), start);
            let (mut in_hand, mut settled, mut times) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Deliver => {
                        if let Some(earlier) = progress.take(at) {
                            prop_assert!(!settled.contains(&at));
                            let count = times.entry(at).or_insert(0);
                            prop_assert_eq!(earlier, *count, "it says how often it came");
                            *count += 1;
                            in_hand.push(at);
                        } else {
                            prop_assert!(settled.contains(&at));
                        }
                        at += 1;
                    }
                    Step::Settle(which) if !in_hand.is_empty() => {
                        let offset = in_hand.swap_remove(which.index(in_hand.len()));
                        progress.settle(offset);
                        settled.insert(offset);
                    }
                    Step::Settle(_) => {}
                    Step::Reconnect => {
                        in_hand.clear();
                        at = progress.resume().unwrap_or(start);
                        prop_assert!((start..at).all(|offset| settled.contains(&offset)), "a gap before {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_stream_that_was_made_anew_is_read_from_its_beginning() {
        let mut progress = Progress::default();
        assert!((7..10).all(|offset| progress.take(offset) == Some(0)));
        progress.settle(7);
        assert_eq!(progress.resume(), Some(8));
        assert!([0, 1, 7].iter().all(|offset| progress.take(*offset) == Some(0)));
        assert_eq!(progress.resume(), Some(0));
    }
}
