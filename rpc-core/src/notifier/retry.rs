//! How often a notifier tries, and how long it waits in between.

use std::time::Duration;

use crate::error::Error;

/// How often a notifier tries to bring an event to a topic, and how long it waits in between.
///
/// Only what can succeed later is tried again ([`Error::is_retryable`]): a broker that is away or full, not an event that
/// is too large. All attempts carry the same message id and end within [`Notifier::timeout`](crate::Notifier::timeout).
///
/// The pause is chosen evenly between zero and a bound that doubles with every failure, so that the publishers of a broker
/// that comes back do not come back together; it is never shorter than what the broker asks for.
///
/// ```
/// use std::time::Duration;
///
/// use rpc_core::RetryPolicy;
///
/// let patient = RetryPolicy::new().attempts(20).pauses(Duration::from_millis(50), Duration::from_secs(5));
/// # drop(patient);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
}

impl RetryPolicy {
    /// How often is tried when nothing else is said.
    pub const DEFAULT_ATTEMPTS: u32 = 5;
    /// The bound of the first pause when nothing else is said.
    pub const DEFAULT_FIRST_PAUSE: Duration = Duration::from_millis(100);
    /// The bound of all pauses when nothing else is said.
    pub const DEFAULT_LONGEST_PAUSE: Duration = Duration::from_secs(2);

    /// The default: [`DEFAULT_ATTEMPTS`](Self::DEFAULT_ATTEMPTS), enough for a queue that is full for a second.
    pub const fn new() -> Self {
        Self {
            attempts: Self::DEFAULT_ATTEMPTS,
            first_pause: Self::DEFAULT_FIRST_PAUSE,
            longest_pause: Self::DEFAULT_LONGEST_PAUSE,
        }
    }

    /// One attempt: the first error is the last.
    pub const fn never() -> Self {
        Self::new().attempts(1)
    }

    /// Tries until the time limit of the notifier is over.
    pub const fn until_timeout() -> Self {
        Self::new().attempts(u32::MAX)
    }

    /// Tries this often at most, the first attempt included, 0 counting as 1. Default:
    /// [`RetryPolicy::DEFAULT_ATTEMPTS`].
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Waits less than `first` after the first failure, and less than `longest` after any. Default:
    /// [`RetryPolicy::DEFAULT_FIRST_PAUSE`] and [`RetryPolicy::DEFAULT_LONGEST_PAUSE`].
    pub const fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest);
        self
    }

    /// How long to wait after the `failures`th failure, which was `error`; `None` when it was the last attempt, a further
    /// one would not help, or it would start after the time that `remains`.
    pub(crate) fn pause(
        &self,
        failures: u32,
        error: &Error,
        remains: Duration,
        chance: u64,
    ) -> Option<Duration> {
        if failures >= self.attempts || !error.is_retryable() {
            return None;
        }
        let doubled = 1_u32 << failures.saturating_sub(1).min(16);
        let bound = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        let nanoseconds = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let pause = Duration::from_nanos(chance % nanoseconds.max(1));
        let pause = pause.max(error.retry_after().unwrap_or_default());
        (pause < remains).then_some(pause)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Code;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn only_what_can_succeed_later_is_tried_again() {
        for &code in Code::ALL {
            let error = Error::new(code, "x");
            assert_eq!(
                RetryPolicy::new().pause(1, &error, LONG, 0).is_some(),
                error.is_retryable(),
                "{code}"
            );
        }
    }

    proptest! {
        #[test]
        fn attempts_pauses_and_time_are_bounded(
            attempts in 0_u32..50,
            first in 0_u64..1_000,
            longest in 0_u64..5_000,
            remains in 0_u64..10_000,
            asked in prop::option::of(0_u64..3_000),
            chance: u64,
        ) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            let policy = RetryPolicy::new().attempts(attempts).pauses(first, longest);
            let asked = asked.map(Duration::from_millis);
            let error = Error::new(Code::Overloaded, "x").with_retry_after(asked);
            let mut remains = Duration::from_millis(remains);
            let mut failures = 1;
            while let Some(pause) = policy.pause(failures, &error, remains, chance) {
                prop_assert!(pause < remains, "no attempt starts after the end");
                prop_assert!(pause >= asked.unwrap_or_default());
                prop_assert!(pause <= longest.max(asked.unwrap_or_default()));
                if failures == 1 {
                    prop_assert!(pause <= first.max(asked.unwrap_or_default()));
                }
                (remains, failures) = (remains - pause, failures + 1);
            }
            prop_assert!(failures <= attempts.max(1));
        }
    }
}
