//! How long an event waits to come again.

use std::time::Duration;

/// How long an event waits to come again: the first time as told, twice as long after each further attempt, up to a longest
/// time. So an outage of minutes does not use up the attempts, and a short one costs little.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RequeueDelay {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl RequeueDelay {
    pub(super) const DEFAULT: Self = Self { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

    /// How long to wait after the `attempt`th attempt, which was not handled.
    pub(super) fn after(self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest.max(self.first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_default_ten_attempts_take_four_minutes() {
        let waits: Vec<_> = (1..10).map(|attempt| RequeueDelay::DEFAULT.after(attempt).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(waits.iter().sum::<u64>() > 240);
    }

    proptest! {
        #[test]
        fn it_starts_as_told_never_shrinks_and_is_bounded(
            first in 0_u64..100_000, longest in 0_u64..100_000, attempt in 0_u32..200,
        ) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            let delay = RequeueDelay { first, longest };
            prop_assert_eq!(delay.after(1), first);
            prop_assert!(delay.after(attempt) <= delay.after(attempt + 1));
            prop_assert!(delay.after(attempt) <= longest.max(first));
            prop_assert_eq!(delay.after(u32::MAX), if first.is_zero() { first } else { longest.max(first) });
        }
    }
}
