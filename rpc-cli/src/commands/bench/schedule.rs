//! Which call begins when.

use std::time::Duration;

/// How a load is paced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// The next call begins when one ends: so many are under way.
    Closed { in_flight: usize },
    /// Calls begin when their time has come, so many in a second, whatever becomes of others. At most so many are under way;
    /// one that has to wait for that is late, and its time counts from when it should have begun.
    Open { rate: u32, most_in_flight: usize },
}

/// When a load ends. Times count from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) warm_up: Duration,
    /// After the warm-up.
    pub(super) duration: Duration,
    /// Without those of the warm-up.
    pub(super) count: u64,
}

/// Which call begins when. Asked again and again; knows no clock.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    limits: Limits,
    begun: u64,
    measured: u64,
}

/// What to do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Begin a call, that should have begun at this time.
    Begin { intended: Duration, is_measured: bool },
    /// Begin none before this time, if there is one, or before another call has ended.
    Wait(Option<Duration>),
    /// Begin none any more.
    Done,
}

impl Schedule {
    pub(super) const fn new(pace: Pace, limits: Limits) -> Self {
        Self { pace, limits, begun: 0, measured: 0 }
    }

    /// When the last call begins at the latest.
    pub(super) const fn end(&self) -> Duration {
        self.limits.warm_up.saturating_add(self.limits.duration)
    }

    /// What to do at the time `now`, when so many calls are under way.
    pub(super) fn next(&mut self, now: Duration, in_flight: usize) -> Next {
        if now >= self.end() || self.measured >= self.limits.count {
            return Next::Done;
        }
        let (intended, most) = match self.pace {
            Pace::Closed { in_flight } => (now, in_flight),
            Pace::Open { rate, most_in_flight } => (due(self.begun, rate), most_in_flight),
        };
        if intended >= self.end() {
            return Next::Done;
        }
        if intended > now {
            return Next::Wait(Some(intended));
        }
        if in_flight >= most {
            return Next::Wait(None);
        }
        let is_measured = intended >= self.limits.warm_up;
        self.begun += 1;
        self.measured += u64::from(is_measured);
        Next::Begin { intended, is_measured }
    }

    /// How many calls should have begun by the time `now` and have not, because too many were under way.
    pub(super) fn missed(&self, now: Duration) -> u64 {
        let Pace::Open { rate, .. } = self.pace else { return 0 };
        if self.measured >= self.limits.count {
            return 0;
        }
        let until = now.min(self.end());
        // The first one is due at once.
        let due_by = until.as_nanos().saturating_mul(rate.into()).div_ceil(1_000_000_000);
        let missed = u64::try_from(due_by).unwrap_or(u64::MAX).saturating_sub(self.begun);
        missed.min(self.limits.count - self.measured)
    }

    /// How much of the load has been put, from 0 to 1.
    pub(super) fn progress(&self, now: Duration) -> f64 {
        let by_time = now.as_secs_f64() / self.end().as_secs_f64().max(f64::MIN_POSITIVE);
        let by_count = self.measured as f64 / self.limits.count as f64;
        by_time.max(by_count).min(1.0)
    }
}

/// When the call of this number begins.
fn due(number: u64, rate: u32) -> Duration {
    let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn milliseconds(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn limits(warm_up: u64, duration: u64, count: u64) -> Limits {
        Limits { warm_up: milliseconds(warm_up), duration: milliseconds(duration), count }
    }

    #[test]
    fn a_closed_loop_begins_the_next_when_one_has_ended() {
        let mut schedule = Schedule::new(Pace::Closed { in_flight: 2 }, limits(10, 20, 3));
        let begin = |time, is_measured| Next::Begin { intended: milliseconds(time), is_measured };
        assert_eq!(schedule.next(milliseconds(0), 0), begin(0, false));
        assert_eq!(schedule.next(milliseconds(1), 1), begin(1, false));
        assert_eq!(schedule.next(milliseconds(2), 2), Next::Wait(None));
        for time in [10, 11, 12] {
            assert_eq!(schedule.next(milliseconds(time), 1), begin(time, true));
        }
        assert_eq!(schedule.next(milliseconds(13), 1), Next::Done, "three were measured");
        let mut schedule = Schedule::new(Pace::Closed { in_flight: 2 }, limits(10, 20, 3));
        assert_eq!(schedule.next(milliseconds(30), 0), Next::Done, "the time is over");
    }

    #[test]
    fn an_open_loop_keeps_its_times() {
        let mut schedule =
            Schedule::new(Pace::Open { rate: 100, most_in_flight: 2 }, limits(10, 30, u64::MAX));
        let begin = |time, is_measured| Next::Begin { intended: milliseconds(time), is_measured };
        assert_eq!(schedule.next(milliseconds(5), 0), begin(0, false));
        assert_eq!(schedule.next(milliseconds(5), 1), Next::Wait(Some(milliseconds(10))));
        assert_eq!(schedule.next(milliseconds(21), 1), begin(10, true));
        assert_eq!(schedule.next(milliseconds(21), 2), Next::Wait(None), "too many are under way");
        assert_eq!(schedule.missed(milliseconds(21)), 1);
        assert_eq!(schedule.next(milliseconds(29), 1), begin(20, true), "late, and counted from its time");
        assert_eq!(schedule.next(milliseconds(29), 1), Next::Wait(Some(milliseconds(30))));
        assert_eq!(schedule.next(milliseconds(40), 1), Next::Done);
        assert_eq!(schedule.missed(milliseconds(50)), 1, "the one at 30 ms");
    }

    proptest! {
        /// Whenever it is asked, and however long calls take, no call is lost, none begins before its time, and the
        /// bounds hold.
        #[test]
        fn bounds_hold(
            rate in 1_u32..5_000,
            most in 1_usize..20,
            is_open: bool,
            (warm_up, duration, count) in (0_u64..50, 1_u64..200, 1_u64..500),
            steps in prop::collection::vec((0_u64..5_000, 0_usize..20), 1..400),
        ) {
            let pace =
                if is_open { Pace::Open { rate, most_in_flight: most } } else { Pace::Closed { in_flight: most } };
            let limits = limits(warm_up, duration, count);
            let mut schedule = Schedule::new(pace, limits);
            let (mut now, mut in_flight, mut begun, mut measured) = (Duration::ZERO, 0_usize, 0_u64, 0_u64);
            for (pause, ended) in steps {
                now += Duration::from_micros(pause);
                in_flight = in_flight.saturating_sub(ended);
                loop {
                    match schedule.next(now, in_flight) {
                        Next::Begin { intended, is_measured } => {
                            prop_assert!(intended <= now && intended < schedule.end() && in_flight < most);
                            prop_assert_eq!(is_measured, intended >= limits.warm_up);
                            if is_open {
                                prop_assert_eq!(intended, due(begun, rate));
                            }
                            begun += 1;
                            measured += u64::from(is_measured);
                            in_flight += 1;
                        }
                        Next::Wait(until) => {
                            prop_assert!(until.is_some_and(|until| until > now) || in_flight >= most);
                            break;
                        }
                        Next::Done => {
                            prop_assert!(now >= schedule.end() || measured == count || is_open);
                            break;
                        }
                    }
                }
                prop_assert!(measured <= count);
                if is_open && measured < count {
                    let until = now.min(schedule.end());
                    let due = (0..).take_while(|number| due(*number, rate) < until).count() as u64;
                    let missed = schedule.missed(now);
                    prop_assert!(missed + begun <= due + 1 && (missed + begun + 1 >= due || missed + measured == count));
                }
                prop_assert!((0.0..=1.0).contains(&schedule.progress(now)));
            }
        }
    }
}
