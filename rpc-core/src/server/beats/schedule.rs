//! When which caller is told that its method is running.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

/// When which caller is told that its method is running: a caller `C` for each request that runs, and what is on its way to
/// it, `F`.
///
/// What is on its way has to land before the next sign of life of the same request takes off, so a slow broker gets no more
/// of them than a fast one.
#[derive(Debug)]
pub(super) struct Schedule<C, F> {
    running: HashMap<u64, Running<C, F>>,
    /// The requests with nothing on its way, by their next moment.
    due: BTreeSet<(Instant, u64)>,
    next_key: u64,
}

#[derive(Debug)]
struct Running<C, F> {
    caller: C,
    interval: Duration,
    state: State<F>,
}

#[derive(Debug)]
enum State<F> {
    Due(Instant),
    Flies {
        since: Instant,
        flight: F,
    },
    /// One could not be sent.
    Silent,
}

/// What became of a sign of life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Landing {
    Arrived,
    /// Its link broke under it. Another one is sent soon, since one that is missing is all the time that the caller has.
    Lost,
    /// It could not be sent. No more are tried.
    Failed,
}

impl<C: Clone, F> Schedule<C, F> {
    /// How long after the start the first sign of life is due at the latest. The request may have waited in its queue for
    /// as long as its caller bears; most end sooner than this.
    pub(super) const FIRST: Duration = Duration::from_secs(1);
    /// The part of the interval after which one that was lost is followed by another.
    const AGAIN: u32 = 10;

    pub(super) fn new() -> Self {
        Self { running: HashMap::new(), due: BTreeSet::new(), next_key: 0 }
    }

    /// A request starts to run, and its caller is told so every `interval`. Gives its key.
    pub(super) fn start(&mut self, now: Instant, interval: Duration, caller: C) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        let first = now + interval.min(Self::FIRST);
        self.running.insert(key, Running { caller, interval, state: State::Due(first) });
        self.due.insert((first, key));
        key
    }

    /// When the next sign of life is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The request that has been due for longest, if one is due, and whom to tell. It is on its way, as `flight`.
    pub(super) fn take_off(&mut self, now: Instant, flight: impl FnOnce() -> F) -> Option<(u64, C)> {
        let &(at, key) = self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        // What is due runs.
        let running = self.running.get_mut(&key)?;
        running.state = State::Flies { since: now, flight: flight() };
        Some((key, running.caller.clone()))
    }

    /// What was on its way for `key` is so no more.
    pub(super) fn landed(&mut self, now: Instant, key: u64, landing: Landing) {
        // Otherwise the request has ended meanwhile.
        let Some(running) = self.running.get_mut(&key) else { return };
        let State::Flies { since, .. } = running.state else { return };
        let next = match landing {
            // Those that were missed are not made up for.
            Landing::Arrived => (since + running.interval).max(now),
            Landing::Lost => now + running.interval / Self::AGAIN,
            Landing::Failed => {
                running.state = State::Silent;
                return;
            }
        };
        running.state = State::Due(next);
        self.due.insert((next, key));
    }

    /// The request has ended: nothing takes off for it any more. Gives what is on its way.
    pub(super) fn end(&mut self, key: u64) -> Option<F> {
        match self.running.remove(&key)?.state {
            State::Due(at) => {
                self.due.remove(&(at, key));
                None
            }
            State::Flies { flight, .. } => Some(flight),
            State::Silent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: u64 = Schedule::<(), ()>::FIRST.as_millis() as u64;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Start { interval: u64 },
        TakeOff,
        Land { which: usize, landing: Landing },
        End { which: usize },
        Pass(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (5_u64..300).prop_map(|tens| Step::Start { interval: 10 * tens }),
            4 => Just(Step::TakeOff),
            4 => (any::<usize>(), any_landing()).prop_map(|(which, landing)| Step::Land { which, landing }),
            1 => any::<usize>().prop_map(|which| Step::End { which }),
            4 => (0_u64..1_500).prop_map(Step::Pass),
        ]
    }

    fn any_landing() -> impl Strategy<Value = Landing> {
        prop_oneof![6 => Just(Landing::Arrived), 1 => Just(Landing::Lost), 1 => Just(Landing::Failed)]
    }

    /// A request as anybody would keep it.
    #[derive(Clone, Copy, Debug)]
    struct Kept {
        key: u64,
        interval: u64,
        due: Option<u64>,
        since: Option<u64>,
    }

    proptest! {
        #[test]
        fn each_caller_is_told_at_its_time_and_never_after_the_end(
            steps in prop::collection::vec(any_step(), 0..300),
        ) {
            let begin = Instant::now();
            let at = |now: u64| begin + Duration::from_millis(now);
            let (mut schedule, mut model, mut now) = (Schedule::<u64, u64>::new(), Vec::<Kept>::new(), 0);
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Start { interval } => {
                        let key = schedule.start(at(now), Duration::from_millis(interval), interval);
                        prop_assert!(model.iter().all(|kept| kept.key != key));
                        let due = Some(now + interval.min(FIRST));
                        model.push(Kept { key, interval, due, since: None });
                    }
                    Step::TakeOff => {
                        let taken = schedule.take_off(at(now), || number as u64);
                        let ready = model.iter_mut().filter(|kept| kept.due.is_some_and(|due| due <= now));
                        let first = ready.min_by_key(|kept| (kept.due, kept.key));
                        prop_assert_eq!(taken, first.as_ref().map(|kept| (kept.key, kept.interval)));
                        if let Some(kept) = first {
                            (kept.due, kept.since) = (None, Some(now));
                        }
                    }
                    Step::Land { which, landing } => if !model.is_empty() {
                        let index = which % model.len();
                        let kept = &mut model[index];
                        schedule.landed(at(now), kept.key, landing);
                        if let Some(since) = kept.since.take() {
                            kept.due = match landing {
                                Landing::Arrived => Some((since + kept.interval).max(now)),
                                Landing::Lost => Some(now + kept.interval / 10),
                                Landing::Failed => None,
                            };
                        }
                    },
                    Step::End { which } => if !model.is_empty() {
                        let kept = model.remove(which % model.len());
                        let flight = schedule.end(kept.key);
                        prop_assert_eq!(flight.is_some(), kept.since.is_some());
                        prop_assert_eq!(schedule.end(kept.key), None);
                        schedule.landed(at(now), kept.key, Landing::Arrived);
                    },
                    Step::Pass(time) => now += time,
                }
                prop_assert_eq!(schedule.next(), model.iter().filter_map(|kept| kept.due).min().map(at));
                prop_assert_eq!(schedule.running.len(), model.len());
                prop_assert!(schedule.due.len() <= model.len());
            }
        }
    }
}
