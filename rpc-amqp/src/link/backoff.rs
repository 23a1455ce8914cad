//! How long to wait before the next attempt.

use std::time::Duration;

use crate::random;

/// The longest bound of a pause: what was lost has to be back soon after its cause is, however long that lasted.
pub(super) const LONGEST: Duration = Duration::from_millis(1_500);

/// Full jitter: a time chosen evenly between zero and a bound that doubles with every failure, from 50 ms to 1.5 s.
///
/// The chance keeps a thousand clients of a broker that restarts from coming back in the same millisecond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);

    /// The time to wait after one more failure.
    pub(crate) fn after_failure(&mut self) -> Duration {
        let bound = Self::bound(self.failures);
        self.failures = self.failures.saturating_add(1);
        random::below(bound, random::number())
    }

    /// `first`, doubled with every failure so far.
    pub(crate) fn doubled(&self, first: Duration) -> Duration {
        doubled(first, self.failures)
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    fn bound(failures: u32) -> Duration {
        doubled(Self::SHORTEST, failures).min(LONGEST)
    }
}

fn doubled(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        assert_eq!(Backoff::bound(0), Duration::from_millis(50));
        assert_eq!(Backoff::bound(1), Duration::from_millis(100));
        assert_eq!(Backoff::bound(4), Duration::from_millis(800));
        assert_eq!(Backoff::bound(5), LONGEST);
        assert_eq!(Backoff::bound(u32::MAX), LONGEST);
    }

    #[test]
    fn no_wait_is_longer_than_its_bound() {
        let mut backoff = Backoff::default();
        for failures in 0..100 {
            assert!(backoff.after_failure() <= Backoff::bound(failures));
        }
    }
}
