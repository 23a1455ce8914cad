//! Which calls run, and which were cancelled before they came.

use std::collections::{HashMap, VecDeque, hash_map};

use foldhash::fast::RandomState;
use tokio::time::Instant;

/// Which calls run, each with what ends it, and which were cancelled lately.
///
/// What was cancelled is remembered until nobody would have waited for it anyway, and in a bounded number, the oldest going
/// first: the request can be in its queue still. Peers choose the keys, so they are hashed with chance.
#[derive(Debug)]
pub(super) struct Table<S> {
    running: HashMap<u128, Running<S>, RandomState>,
    /// How often each of them stands in `order`, and until when it is remembered.
    cancelled: HashMap<u128, Remembered, RandomState>,
    order: VecDeque<u128>,
    most: usize,
}

#[derive(Debug)]
struct Running<S> {
    signal: S,
    /// Copies of one call that run beside each other.
    copies: usize,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    until: Instant,
    times: usize,
}

/// What becomes of a call that is about to start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Begin<S> {
    Runs(S),
    Cancelled,
}

impl<S: Clone> Table<S> {
    pub(super) fn new(most: usize) -> Self {
        Self { running: HashMap::default(), cancelled: HashMap::default(), order: VecDeque::new(), most }
    }

    /// A call is about to start. Copies of one call share their signal.
    pub(super) fn begin(
        &mut self,
        now: impl FnOnce() -> Instant,
        key: u128,
        signal: impl FnOnce() -> S,
    ) -> Begin<S> {
        // Mostly there are none, and nobody asks for the time.
        if !self.cancelled.is_empty()
            && let Some(remembered) = self.cancelled.get(&key)
            && now() < remembered.until
        {
            return Begin::Cancelled;
        }
        let running = self.running.entry(key).or_insert_with(|| Running { signal: signal(), copies: 0 });
        running.copies += 1;
        Begin::Runs(running.signal.clone())
    }

    /// A call that had started has ended.
    pub(super) fn end(&mut self, key: u128) {
        if let hash_map::Entry::Occupied(mut place) = self.running.entry(key) {
            place.get_mut().copies -= 1;
            if place.get().copies == 0 {
                place.remove();
            }
        }
    }

    /// A call was cancelled, which is remembered `until` then. Gives what ends it, if it runs.
    pub(super) fn cancel(&mut self, now: Instant, key: u128, until: Instant) -> Option<S> {
        self.forget_old(now);
        if until > now {
            let remembered = self.cancelled.entry(key).or_insert(Remembered { until, times: 0 });
            remembered.until = remembered.until.max(until);
            remembered.times += 1;
            self.order.push_back(key);
            if self.order.len() > self.most {
                self.forget_oldest();
            }
        }
        self.running.get(&key).map(|running| running.signal.clone())
    }

    /// Forgets the oldest for as long as they are past. Behind one that is not, they wait for it.
    fn forget_old(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|key| self.cancelled.get(key).is_none_or(|remembered| remembered.until <= now))
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(key) = self.order.pop_front() else { return };
        if let hash_map::Entry::Occupied(mut place) = self.cancelled.entry(key) {
            place.get_mut().times -= 1;
            if place.get().times == 0 {
                place.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 5;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin(u128),
        End(u128),
        Cancel { key: u128, time: u64 },
        Pass(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let key = 0_u128..8;
        prop_oneof![
            4 => key.clone().prop_map(Step::Begin),
            3 => key.clone().prop_map(Step::End),
            3 => (key, 0_u64..10).prop_map(|(key, time)| Step::Cancel { key, time }),
            1 => (0_u64..6).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn it_knows_what_the_history_says(steps in prop::collection::vec(any_step(), 0..300)) {
            let start = Instant::now();
            let at = |seconds| start + Duration::from_secs(seconds);
            let (mut table, mut now) = (Table::<usize>::new(MOST), 0);
            // Which runs, how often and with which signal; and all cancellations, with their ends.
            let mut running = HashMap::<u128, (usize, usize)>::new();
            let mut cancelled = Vec::<(u128, u64)>::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Begin(key) => {
                        let begin = table.begin(|| at(now), key, || number);
                        // Remembered at the least while it is among the last, at the most while it is not past.
                        let of_key = |entry: &&(u128, u64)| entry.0 == key && entry.1 > now;
                        let is_past = !cancelled.iter().any(|entry| of_key(&entry));
                        let lately = &cancelled[cancelled.len().saturating_sub(MOST)..];
                        let is_known = lately.iter().any(|entry| of_key(&entry));
                        prop_assert!(begin != Begin::Cancelled || !is_past);
                        prop_assert!(begin == Begin::Cancelled || !is_known);
                        if let Begin::Runs(signal) = begin {
                            let kept = running.entry(key).or_insert((0, signal));
                            kept.0 += 1;
                            prop_assert_eq!(kept.1, signal, "copies share it");
                        }
                    }
                    // Only what runs ends.
                    Step::End(key) => if let Some(kept) = running.get_mut(&key) {
                        table.end(key);
                        kept.0 -= 1;
                        if kept.0 == 0 {
                            running.remove(&key);
                        }
                    },
                    Step::Cancel { key, time } => {
                        let signal = table.cancel(at(now), key, at(now + time));
                        prop_assert_eq!(signal, running.get(&key).map(|kept| kept.1));
                        if time > 0 {
                            cancelled.push((key, now + time));
                        }
                    }
                    Step::Pass(seconds) => now += seconds,
                }
                prop_assert_eq!(table.running.len(), running.len());
                prop_assert!(table.order.len() <= MOST && table.cancelled.len() <= table.order.len());
                let times = table.cancelled.values().map(|remembered| remembered.times).sum::<usize>();
                prop_assert_eq!(times, table.order.len());
            }
        }
    }
}
