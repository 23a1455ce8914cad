//! Acknowledging many deliveries with few frames.

use std::collections::BTreeMap;

/// What is told to the broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Frame {
    /// Done with this delivery, or with all up to it.
    Ack { tag: u64, multiple: bool },
    /// This one back to its queue.
    Requeue { tag: u64 },
    /// This one away, to wherever a policy of the broker says.
    Discard { tag: u64 },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Unsettled,
    Acked,
}

/// Deliveries of one channel that the broker waits for, and the decisions that it does not know yet.
///
/// It never waits for more: a lone decision becomes a frame at the next [`flush`](AckBatch::flush). Decisions that came
/// together share a frame as far as there is no unsettled delivery before them.
#[derive(Debug, Default)]
pub(super) struct AckBatch {
    deliveries: BTreeMap<u64, State>,
    /// Those that are not acknowledged.
    refused: Vec<Frame>,
    is_dirty: bool,
}

impl AckBatch {
    pub(super) fn delivered(&mut self, tag: u64) {
        self.deliveries.insert(tag, State::Unsettled);
    }

    pub(super) fn ack(&mut self, tag: u64) {
        if let Some(state) = self.deliveries.get_mut(&tag) {
            *state = State::Acked;
            self.is_dirty = true;
        }
    }

    pub(super) fn requeue(&mut self, tag: u64) {
        if self.deliveries.remove(&tag).is_some() {
            self.refused.push(Frame::Requeue { tag });
        }
    }

    pub(super) fn discard(&mut self, tag: u64) {
        if self.deliveries.remove(&tag).is_some() {
            self.refused.push(Frame::Discard { tag });
        }
    }

    /// The frames for all decisions since the last time, in the order in which they have to be sent.
    pub(super) fn flush(&mut self) -> Vec<Frame> {
        // First, because an acknowledgement of many would cover them.
        let mut frames = std::mem::take(&mut self.refused);
        if !std::mem::take(&mut self.is_dirty) {
            return frames;
        }
        let mut covered: Option<(u64, usize)> = None;
        while let Some(entry) = self.deliveries.first_entry()
            && *entry.get() == State::Acked
        {
            let count = covered.map_or(0, |(_, count)| count);
            covered = Some((*entry.key(), count + 1));
            entry.remove();
        }
        if let Some((tag, count)) = covered {
            frames.push(Frame::Ack { tag, multiple: count > 1 });
        }
        self.deliveries.retain(|tag, state| {
            let is_acked = *state == State::Acked;
            if is_acked {
                frames.push(Frame::Ack { tag: *tag, multiple: false });
            }
            !is_acked
        });
        frames
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn batch(tags: impl IntoIterator<Item = u64>) -> AckBatch {
        let mut batch = AckBatch::default();
        tags.into_iter().for_each(|tag| batch.delivered(tag));
        batch
    }

    #[test]
    fn a_lone_ack_goes_alone() {
        let mut batch = batch(1..=3);
        batch.ack(2);
        assert_eq!(batch.flush(), [Frame::Ack { tag: 2, multiple: false }]);
        assert_eq!(batch.flush(), []);
    }

    #[test]
    fn acks_in_order_share_a_frame() {
        let mut batch = batch(1..=5);
        [3, 1, 2, 5].into_iter().for_each(|tag| batch.ack(tag));
        assert_eq!(
            batch.flush(),
            [Frame::Ack { tag: 3, multiple: true }, Frame::Ack { tag: 5, multiple: false }]
        );
        batch.ack(4);
        assert_eq!(batch.flush(), [Frame::Ack { tag: 4, multiple: false }]);
    }

    #[test]
    fn a_requeue_is_never_acknowledged() {
        let mut batch = batch(1..=3);
        batch.ack(1);
        batch.requeue(2);
        batch.ack(3);
        assert_eq!(batch.flush(), [Frame::Requeue { tag: 2 }, Frame::Ack { tag: 3, multiple: true }]);
        batch.delivered(4);
        batch.discard(4);
        batch.requeue(4);
        assert_eq!(batch.flush(), [Frame::Discard { tag: 4 }]);
        batch.ack(2);
        batch.ack(9);
        assert_eq!(batch.flush(), []);
    }

    proptest! {
        /// A broker that follows the frames comes to the same end as one that is told each decision by itself.
        #[test]
        fn the_broker_understands(
            decisions in prop::collection::vec((0_u64..40, any::<bool>(), any::<bool>()), 0..80)
        ) {
            let mut batch = batch(0..40);
            let mut unsettled: BTreeSet<u64> = (0..40).collect();
            let (mut acked, mut requeued) = (BTreeSet::new(), BTreeSet::new());
            let (mut expected_acked, mut expected_requeued) = (BTreeSet::new(), BTreeSet::new());
            let mut decided = BTreeSet::new();
            for (tag, is_ack, flush) in decisions {
                if decided.insert(tag) {
                    if is_ack {
                        batch.ack(tag);
                        expected_acked.insert(tag);
                    } else {
                        batch.requeue(tag);
                        expected_requeued.insert(tag);
                    }
                }
                if flush {
                    for frame in batch.flush() {
                        follow(frame, &mut unsettled, &mut acked, &mut requeued);
                    }
                }
            }
            for frame in batch.flush() {
                follow(frame, &mut unsettled, &mut acked, &mut requeued);
            }
            prop_assert_eq!(acked, expected_acked);
            prop_assert_eq!(requeued, expected_requeued);
        }
    }

    fn follow(
        frame: Frame,
        unsettled: &mut BTreeSet<u64>,
        acked: &mut BTreeSet<u64>,
        requeued: &mut BTreeSet<u64>,
    ) {
        match frame {
            Frame::Requeue { tag } | Frame::Discard { tag } => {
                assert!(unsettled.remove(&tag), "an unknown tag closes the channel");
                requeued.insert(tag);
            }
            Frame::Ack { tag, multiple: false } => {
                assert!(unsettled.remove(&tag), "an unknown tag closes the channel");
                acked.insert(tag);
            }
            Frame::Ack { tag, multiple: true } => {
                assert!(unsettled.contains(&tag), "an unknown tag closes the channel");
                let later = unsettled.split_off(&(tag + 1));
                acked.extend(std::mem::replace(unsettled, later));
            }
        }
    }
}
