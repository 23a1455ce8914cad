//! Which messages run here, or ran here a short while ago.

use std::collections::{HashMap, VecDeque, hash_map};
use std::time::Duration;

use foldhash::fast::FixedState;
use tokio::time::Instant;

/// Which messages run here, or ran here a short while ago; each under a key that nobody can choose.
///
/// What has ended is remembered for a time, and in a number, that are bounded; so are the number and the bytes of the
/// replies that are kept with it. The oldest goes first. What runs is always known. `W` waits for the end of what runs, `R` is a reply.
#[derive(Debug)]
pub(super) struct Dedupe<W, R> {
    limits: Limits,
    /// Small, because it is large and met at random places.
    entries: HashMap<u128, Entry<W>, FixedState>,
    /// What has ended, oldest first, numbered from `first`. What has run again since stands here twice.
    ended: VecDeque<Ended<R>>,
    first: u64,
    /// Before this number no reply is kept.
    first_reply: u64,
    replies: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) window: Duration,
    pub(super) most: usize,
    pub(super) most_replies: usize,
    pub(super) most_bytes: usize,
}

#[derive(Debug)]
enum Entry<W> {
    /// With those who wait; most have none.
    Running(Option<Box<Waiting<W>>>),
    /// The last end, by its number.
    Ended(u64),
}

/// Those who wait, behind one pointer.
#[derive(Debug)]
struct Waiting<W>(Vec<W>);

#[derive(Debug)]
struct Ended<R> {
    at: Instant,
    key: u128,
    reply: Option<(R, usize)>,
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
            first: 0,
            first_reply: 0,
            replies: 0,
            bytes: 0,
        }
    }

    /// A message arrives. `waiter` is asked for when it runs already, and the time only when it ran; `again` says whether
    /// it may run again when its reply is not there any more.
    pub(super) fn arrive(
        &mut self,
        now: impl FnOnce() -> Instant,
        key: u128,
        again: bool,
        waiter: impl FnOnce() -> Option<W>,
    ) -> Arrival<R> {
        match self.entries.entry(key) {
            hash_map::Entry::Vacant(place) => {
                place.insert(Entry::Running(None));
                return Arrival::First;
            }
            hash_map::Entry::Occupied(place) => {
                if let Entry::Running(waiting) = place.into_mut() {
                    if let Some(waiter) = waiter() {
                        waiting.get_or_insert_with(|| Box::new(Waiting(Vec::new()))).0.push(waiter);
                    }
                    return Arrival::Runs;
                }
            }
        }
        self.forget_old(now());
        if let Some(Entry::Ended(number)) = self.entries.get(&key) {
            let reply = self.end_numbered(*number).and_then(|end| end.reply.as_ref());
            if reply.is_some() || !again {
                return Arrival::Ran(reply.map(|(reply, _)| reply.clone()));
            }
        }
        self.entries.insert(key, Entry::Running(None));
        Arrival::First
    }

    /// What ran has ended, with a reply of so many bytes if one is to be kept; gives who waited for it.
    pub(super) fn end(&mut self, now: Instant, key: u128, reply: Option<(R, usize)>) -> Vec<W> {
        let number = self.first + self.ended.len() as u64;
        if let Some((_, size)) = &reply {
            self.replies += 1;
            self.bytes += size;
        }
        self.ended.push_back(Ended { at: now, key, reply });
        let before = self.entries.insert(key, Entry::Ended(number));
        self.forget_old(now);
        who_waited(before)
    }

    /// What ran has not ended well, and is not known any more; gives who waited for it.
    pub(super) fn forget(&mut self, key: u128) -> Vec<W> {
        who_waited(self.entries.remove(&key))
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(Ended { at, .. }) = self.ended.front()
            && (now.saturating_duration_since(*at) >= self.limits.window
                || self.ended.len() > self.limits.most)
            && let Some(Ended { key, reply, .. }) = self.ended.pop_front()
        {
            self.given_up(reply.as_ref());
            if let hash_map::Entry::Occupied(place) = self.entries.entry(key)
                && matches!(place.get(), Entry::Ended(number) if *number == self.first)
            {
                place.remove();
            }
            self.first += 1;
        }
        self.first_reply = self.first_reply.max(self.first);
        while (self.bytes > self.limits.most_bytes || self.replies > self.limits.most_replies)
            && let Some(oldest) = index(self.first, self.first_reply).and_then(|at| self.ended.get_mut(at))
        {
            let reply = oldest.reply.take();
            self.given_up(reply.as_ref());
            self.first_reply += 1;
        }
    }

    fn given_up(&mut self, reply: Option<&(R, usize)>) {
        if let Some((_, size)) = reply {
            self.replies -= 1;
            self.bytes -= size;
        }
    }

    fn end_numbered(&self, number: u64) -> Option<&Ended<R>> {
        self.ended.get(index(self.first, number)?)
    }
}

fn index(first: u64, number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}

fn who_waited<W>(before: Option<Entry<W>>) -> Vec<W> {
    match before {
        Some(Entry::Running(Some(waiting))) => waiting.0,
        Some(Entry::Running(None) | Entry::Ended(_)) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { window: Duration::from_secs(10), most: 6, most_replies: 3, most_bytes: 100 };

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
                let later = self.ends[at..].iter().filter_map(|(.., reply)| *reply);
                let (count, bytes) = (later.clone().count(), later.sum::<usize>());
                self.ends[at].2.filter(|_| count <= LIMITS.most_replies && bytes <= LIMITS.most_bytes)
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
                        prop_assert_eq!(dedupe.arrive(|| instant, key, again, || Some(())), model.arrive(now, key, again));
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
                let held = |end: &Ended<usize>| end.reply.as_ref().map_or(0, |(_, size)| *size);
                prop_assert_eq!(dedupe.bytes, dedupe.ended.iter().map(held).sum::<usize>());
                let replies = dedupe.ended.iter().filter(|end| end.reply.is_some()).count();
                prop_assert_eq!(dedupe.replies, replies);
                prop_assert!(dedupe.bytes <= LIMITS.most_bytes && replies <= LIMITS.most_replies);
                prop_assert!(dedupe.ended.len() <= LIMITS.most);
                prop_assert!(dedupe.entries.len() <= LIMITS.most + model.running.len());
            }
        }
    }
}
