//! A limit of bytes a second.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes go on in portions that take about this long.
const PORTION: Duration = Duration::from_millis(10);
/// A timer that fires late is made up for, up to this much. More would be a burst.
const LATE: Duration = Duration::from_millis(50);

/// When the next bytes may go on.
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { next: now }
    }

    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// The most bytes of one portion at this many bytes a second.
    pub(super) fn portion(rate: u32) -> usize {
        usize::try_from(u128::from(rate) * PORTION.as_millis() / 1_000).unwrap_or(usize::MAX).max(1)
    }

    /// So many bytes have gone on.
    pub(super) fn gone(&mut self, count: usize, rate: u32, now: Instant) {
        let took = Duration::from_secs(1).mul_f64(count as f64 / f64::from(rate.max(1)));
        self.next = self.next.max(now - LATE) + took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that go on in a minute, with a timer that is late by up to `late` milliseconds.
    fn in_a_minute(rate: u32, late: u64) -> usize {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (mut now, mut gone, mut round) = (start, 0, 0);
        while now < start + Duration::from_secs(60) {
            gone += Pace::portion(rate);
            pace.gone(Pace::portion(rate), rate, now);
            round += 1;
            if pace.next() > now {
                now = pace.next() + Duration::from_millis(round % (late + 1));
            }
        }
        gone
    }

    #[test]
    fn the_rate_is_kept_whether_timers_are_punctual_or_late() {
        for late in [0, 1, 5, 20] {
            for rate in [10, 1_000, 64 * 1024, 10_000_000] {
                let expected = f64::from(rate) * 60.0;
                let gone = in_a_minute(rate, late) as f64;
                assert!((gone / expected - 1.0).abs() < 0.01, "{rate} a second, {late} ms late: {gone}");
            }
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let later = start + Duration::from_secs(60);
        pace.gone(1_000, 1_000, later);
        assert_eq!(pace.next(), later - LATE + Duration::from_secs(1));
    }
}
