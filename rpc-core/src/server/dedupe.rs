//! Which messages run here, or ran here a short while ago.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::FixedState;
use tokio::time::Instant;

/// Which messages run here, or ran here a short while ago; each under a key that nobody can choose.
///
/// What has ended is remembered for a time, and in a number, that are bounded; so are the bytes of the replies that are
/// kept with it. The oldest goes first. What runs is always known. `W` waits for the end of what runs, `R` is a reply.
#[derive(Debug)]
pub(super) struct Dedupe<W, R> {
    limits: Limits,
    entries: HashMap<u128, Entry<W, R>, FixedState>,
    /// When what ended, oldest first. What has run again since stands here twice, under two numbers.
    ended: VecDeque<(Instant, End)>,
    /// Likewise, those with a reply.
    replied: VecDeque<End>,
    bytes: usize,
    next: u64,
}

/// An end, numbered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct End {
    number: u64,
    key: u128,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) window: Duration,
    pub(super) most: usize,
    pub(super) most_bytes: usize,
}

#[derive(Debug)]
enum Entry<W, R> {
    Running(Vec<W>),
    Ended { number: u64, reply: Option<(R, usize)> },
}

/// What is known of a message that arrives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival<R> {
    /// Nothing: from now on it runs.
    First,
    /// It runs.
    Runs,
    /// It ran. The reply may have been given up.
    Ran(Option<R>),
}

impl<W, R: Clone> Dedupe<W, R> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: HashMap::default(),
            ended: VecDeque::new(),
            replied: VecDeque::new(),
            bytes: 0,
            next: 0,
        }
    }

    /// A message arrives. `waiter` is asked for when it runs already; `again` says whether it may run again when its reply
    /// is not there any more.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        key: u128,
        again: bool,
        waiter: impl FnOnce() -> Option<W>,
    ) -> Arrival<R> {
        self.forget_old(now);
        match self.entries.get_mut(&key) {
            Some(Entry::Running(waiting)) => {
                waiting.extend(waiter());
                Arrival::Runs
            }
            Some(Entry::Ended { reply: Some((reply, _)), .. }) => Arrival::Ran(Some(reply.clone())),
            Some(Entry::Ended { reply: None, .. }) if !again => Arrival::Ran(None),
            Some(Entry::Ended { .. }) | None => {
                self.entries.insert(key, Entry::Running(Vec::new()));
                Arrival::First
            }
        }
    }

    /// What ran has ended, with a reply of so many bytes if one is to be kept; gives who waited for it.
    pub(super) fn end(&mut self, now: Instant, key: u128, reply: Option<(R, usize)>) -> Vec<W> {
        let end = End { number: self.next, key };
        self.next += 1;
        self.ended.push_back((now, end));
        if let Some((_, size)) = reply {
            self.replied.push_back(end);
            self.bytes += size;
        }
        let before = self.entries.insert(key, Entry::Ended { number: end.number, reply });
        self.forget_old(now);
        match before {
            Some(Entry::Running(waiting)) => waiting,
            Some(Entry::Ended { .. }) | None => Vec::new(),
        }
    }

    /// What ran has not ended well, and is not known any more; gives who waited for it.
    pub(super) fn forget(&mut self, key: u128) -> Vec<W> {
        match self.entries.remove(&key) {
            Some(Entry::Running(waiting)) => waiting,
            Some(Entry::Ended { .. }) | None => Vec::new(),
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(at, end)) = self.ended.front()
            && (now.saturating_duration_since(at) >= self.limits.window
                || self.ended.len() > self.limits.most)
        {
            self.ended.pop_front();
            if self.replied.front() == Some(&end) {
                self.drop_reply();
            }
            if matches!(self.entries.get(&end.key), Some(Entry::Ended { number, .. }) if *number == end.number)
            {
                self.entries.remove(&end.key);
            }
        }
        while self.bytes > self.limits.most_bytes {
            self.drop_reply();
        }
    }

    /// Gives the oldest reply up. Only what has no reply runs again, so what has one ended last as it stands here.
    fn drop_reply(&mut self) {
        let Some(end) = self.replied.pop_front() else { return };
        if let Some(Entry::Ended { reply, .. }) = self.entries.get_mut(&end.key)
            && let Some((_, size)) = reply.take()
        {
            self.bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { window: Duration::from_secs(10), most: 4, most_bytes: 100 };

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arrive { key: u128, again: bool },
        End { key: u128, reply: Option<usize> },
        Forget { key: u128 },
        Pass(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let key = 0_u128..7;
        prop_oneof![
            4 => (key.clone(), any::<bool>()).prop_map(|(key, again)| Step::Arrive { key, again }),
            4 => (key.clone(), prop::option::of(0_usize..70)).prop_map(|(key, reply)| Step::End { key, reply }),
            1 => key.prop_map(|key| Step::Forget { key }),
            1 => (0_u64..6).prop_map(Step::Pass),
        ]
    }

    /// All that ever happened; what is known follows from it.
    #[derive(Default)]
    struct Model {
        running: HashMap<u128, usize>,
        /// When, what, and with a reply of which size; `None` in place of the key when it has run again since.
        ends: Vec<(u64, Option<u128>, Option<usize>)>,
    }

    impl Model {
        fn arrive(&mut self, now: u64, key: u128, again: bool) -> Arrival<usize> {
            if let Some(waiting) = self.running.get_mut(&key) {
                *waiting += 1;
                return Arrival::Runs;
            }
            let known = self.ends.iter().rposition(|(_, other, _)| *other == Some(key)).filter(|&at| {
                self.ends.len() - at <= LIMITS.most && now - self.ends[at].0 < LIMITS.window.as_secs()
            });
            let reply = known.and_then(|at| {
                let later: usize = self.ends[at..].iter().filter_map(|(.., reply)| *reply).sum();
                self.ends[at].2.filter(|_| later <= LIMITS.most_bytes)
            });
            match (known, reply) {
                (Some(_), Some(reply)) => Arrival::Ran(Some(reply)),
                (Some(_), None) if !again => Arrival::Ran(None),
                _ => {
                    self.ends.iter_mut().filter(|end| end.1 == Some(key)).for_each(|end| end.1 = None);
                    self.running.insert(key, 0);
                    Arrival::First
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_knows_what_the_history_says(steps in prop::collection::vec(any_step(), 0..200)) {
            let start = Instant::now();
            let mut now = 0;
            let (mut dedupe, mut model) = (Dedupe::<(), usize>::new(LIMITS), Model::default());
            for step in steps {
                let instant = start + Duration::from_secs(now);
                match step {
                    Step::Arrive { key, again } => {
                        prop_assert_eq!(dedupe.arrive(instant, key, again, || Some(())), model.arrive(now, key, again));
                    }
                    // Only what runs ends.
                    Step::End { key, reply } => if let Some(waiting) = model.running.remove(&key) {
                        model.ends.push((now, Some(key), reply));
                        let reply = reply.map(|size| (size, size));
                        prop_assert_eq!(dedupe.end(instant, key, reply).len(), waiting);
                    },
                    Step::Forget { key } => if let Some(waiting) = model.running.remove(&key) {
                        prop_assert_eq!(dedupe.forget(key).len(), waiting);
                    },
                    Step::Pass(seconds) => now += seconds,
                }
                let held = |entry: &Entry<(), usize>| match entry {
                    Entry::Ended { reply: Some((_, size)), .. } => *size,
                    Entry::Ended { reply: None, .. } | Entry::Running(_) => 0,
                };
                prop_assert_eq!(dedupe.bytes, dedupe.entries.values().map(held).sum::<usize>());
                prop_assert!(dedupe.bytes <= LIMITS.most_bytes);
                prop_assert!(dedupe.ended.len() <= LIMITS.most && dedupe.replied.len() <= LIMITS.most);
                prop_assert!(dedupe.entries.len() <= LIMITS.most + model.running.len());
            }
        }
    }
}
