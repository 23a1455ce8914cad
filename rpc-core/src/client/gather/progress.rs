//! Who has answered, and whether anybody is still expected.

use std::collections::{BTreeSet, HashSet};

use crate::identity::MessageId;

/// Who is expected to answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Expected {
    /// Whoever is there.
    Any,
    /// So many.
    Count(usize),
    /// The servers of these names.
    Servers(BTreeSet<String>),
}

/// Who has answered, and whether anybody is still expected.
#[derive(Debug)]
pub(super) struct Progress {
    /// The names are those of servers that have not answered yet.
    expected: Expected,
    most: usize,
    count: usize,
    /// At most [`most`](Self::most) of them.
    seen: HashSet<MessageId>,
}

impl Progress {
    /// At most `most` answers are taken, whoever is expected.
    pub(super) fn new(expected: Expected, most: usize) -> Self {
        Self { expected, most, count: 0, seen: HashSet::new() }
    }

    /// An answer came. Says whether it came for the first time: a server repeats one whose confirm was lost.
    pub(super) fn answered(&mut self, answer: &MessageId, server: Option<&str>) -> bool {
        if self.is_complete() || !self.seen.insert(answer.clone()) {
            return false;
        }
        if let (Expected::Servers(missing), Some(server)) = (&mut self.expected, server) {
            missing.remove(server);
        }
        self.count += 1;
        true
    }

    /// Something came in the place of an answer.
    pub(super) const fn answered_by_nobody(&mut self) {
        self.count += 1;
    }

    pub(super) fn is_complete(&self) -> bool {
        let all_are_there = match &self.expected {
            Expected::Any => false,
            Expected::Count(servers) => self.count >= *servers,
            Expected::Servers(missing) => missing.is_empty(),
        };
        all_are_there || self.count >= self.most
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = &str> {
        let missing = if let Expected::Servers(missing) = &self.expected { Some(missing) } else { None };
        missing.into_iter().flatten().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: usize) -> MessageId {
        MessageId::parse(&number.to_string()).unwrap()
    }

    proptest! {
        /// Each answer counts once, in any order and however often it is repeated, and the last that was expected ends it.
        #[test]
        fn each_answer_counts_once(answers in prop::collection::vec(0_usize..8, 0..40), most in 1_usize..10) {
            let names = |range: std::ops::Range<usize>| range.map(|number| format!("server-{number}")).collect();
            for expected in [Expected::Any, Expected::Count(3), Expected::Servers(names(0..3))] {
                let mut progress = Progress::new(expected.clone(), most);
                let mut taken = BTreeSet::new();
                for &answer in &answers {
                    let is_awaited = match &expected {
                        Expected::Any => true,
                        Expected::Count(servers) => taken.len() < *servers,
                        Expected::Servers(_) => !(0..3).all(|number| taken.contains(&number)),
                    };
                    let is_awaited = is_awaited && taken.len() < most;
                    prop_assert_eq!(progress.is_complete(), !is_awaited);
                    let is_new = is_awaited && taken.insert(answer);
                    let server = format!("server-{answer}");
                    prop_assert_eq!(progress.answered(&id(answer), Some(&server)), is_new);
                    prop_assert_eq!(progress.count(), taken.len());
                }
                let missing: Vec<_> = match expected {
                    Expected::Servers(names) => {
                        names.into_iter().enumerate().filter(|(number, _)| !taken.contains(number)).map(|(_, name)| name).collect()
                    }
                    Expected::Any | Expected::Count(_) => Vec::new(),
                };
                prop_assert_eq!(progress.missing().collect::<Vec<_>>(), missing);
            }
        }
    }

    #[test]
    fn servers_of_one_name_and_of_none_answer_each() {
        let mut progress = Progress::new(Expected::Any, 10);
        assert!(progress.answered(&id(1), Some("twin")) && progress.answered(&id(2), Some("twin")));
        assert!(progress.answered(&id(3), None) && !progress.answered(&id(3), None));
        assert_eq!(progress.count(), 3);
    }

    #[test]
    fn nobody_expected_is_complete_at_once() {
        assert!(Progress::new(Expected::Count(0), 10).is_complete());
        assert!(Progress::new(Expected::Servers(BTreeSet::new()), 10).is_complete());
    }
}
