//! Which messages of a channel are not confirmed.

use std::collections::VecDeque;

/// The tags of a channel that confirms: handed out in order, confirmed in any.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// How many messages before those in `open` were published, all of them confirmed.
    before: u64,
    /// Whether a message waits for its confirm. The first does, unless there is none.
    open: VecDeque<bool>,
}

impl Tags {
    /// The tag of the next message.
    pub(super) fn publish(&mut self) -> u64 {
        self.open.push_back(true);
        self.before + self.open.len() as u64
    }

    /// The broker has confirmed `tag`, or all up to it; tag 0 stands for the last. `each` gets every one that waited, in
    /// order.
    pub(super) fn confirm(&mut self, tag: u64, multiple: bool, mut each: impl FnMut(u64)) {
        let last = self.before + self.open.len() as u64;
        let tag = if tag == 0 && multiple { last } else { tag };
        if tag <= self.before || tag > last {
            return;
        }
        // No more than `open` has, so it fits.
        let index = (tag - self.before - 1) as usize;
        for at in if multiple { 0 } else { index }..=index {
            if std::mem::take(&mut self.open[at]) {
                each(self.before + 1 + at as u64);
            }
        }
        while self.open.front() == Some(&false) {
            self.open.pop_front();
            self.before += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_is_confirmed_once_and_in_order(
            steps in prop::collection::vec((0_u64..40, any::<bool>(), 0_u64..4), 0..80),
        ) {
            let (mut tags, mut open, mut last) = (Tags::default(), BTreeSet::new(), 0);
            for (tag, multiple, more) in steps {
                for _ in 0..more {
                    last += 1;
                    prop_assert_eq!(tags.publish(), last);
                    open.insert(last);
                }
                let mut confirmed = Vec::new();
                tags.confirm(tag, multiple, |tag| confirmed.push(tag));
                let expected: Vec<_> = match (multiple, tag) {
                    (true, 0) => open.iter().copied().collect(),
                    (true, tag) if tag <= last => open.range(..=tag).copied().collect(),
                    (true, _) => Vec::new(),
                    (false, tag) => open.get(&tag).copied().into_iter().collect(),
                };
                expected.iter().for_each(|tag| { open.remove(tag); });
                prop_assert_eq!(confirmed, expected);
                prop_assert!(tags.open.len() as u64 <= last - open.first().map_or(last, |first| first - 1));
            }
        }
    }
}
