//! How long a caller waits for its message to be handed over.

use std::time::Duration;

use tokio::time::Instant;

/// How long a caller waits for its message to be handed over: until its deadline, but while the broker is blocked no
/// longer than a time limit.
///
/// It is asked at moments that it names itself, so that no publish has to watch the state of the link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    called: Instant,
    until: Instant,
    blocked_timeout: Duration,
}

impl Patience {
    pub(super) const fn new(called: Instant, until: Instant, blocked_timeout: Duration) -> Self {
        Self { called, until, blocked_timeout }
    }

    /// The first moment to ask at.
    pub(super) fn first(&self) -> Instant {
        self.until.min(self.called + self.blocked_timeout)
    }

    /// The next moment to ask at; `None` when it is used up. A block that starts after `now` is over its limit after
    /// the moment that is named for "not blocked", so none is overlooked.
    pub(super) fn next(&self, now: Instant, blocked_since: Option<Instant>) -> Option<Instant> {
        let since = blocked_since.map_or(now, |since| since.max(self.called));
        let next = self.until.min(since + self.blocked_timeout);
        (now < next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_deadline_ends_it() {
        let called = Instant::now();
        let patience = Patience::new(called, called + seconds(10), LIMIT);
        assert_eq!(patience.first(), called + seconds(10));
        assert_eq!(patience.next(called + seconds(10), None), None);
    }

    #[test]
    fn a_block_that_starts_later_counts_from_its_start() {
        let called = Instant::now();
        let patience = Patience::new(called, called + seconds(100), LIMIT);
        let since = called + seconds(20);
        assert_eq!(patience.next(called + seconds(30), Some(since)), Some(called + seconds(50)));
        assert_eq!(patience.next(called + seconds(50), Some(since)), None);
    }

    #[test]
    fn a_block_that_started_earlier_counts_from_the_call() {
        let called = Instant::now();
        let patience = Patience::new(called, called + seconds(100), LIMIT);
        let since = called.checked_sub(seconds(1)).unwrap();
        assert_eq!(patience.next(called + seconds(29), Some(since)), Some(called + LIMIT));
    }

    proptest! {
        #[test]
        fn it_ends_exactly_at_the_deadline_or_with_the_limit(
            until in 1_u64..200, start in 0_u64..200, length in 1_u64..200,
        ) {
            // Blocked from `start` for `length`, seen at the moments that are named, which are whole seconds.
            let called = Instant::now();
            let patience = Patience::new(called, called + seconds(until), LIMIT);
            let mut now = patience.first();
            let end = loop {
                let at = now - called;
                let is_blocked = at >= seconds(start) && at < seconds(start + length);
                match patience.next(now, is_blocked.then(|| called + seconds(start))) {
                    Some(next) => now = next,
                    None => break now - called,
                }
            };
            let blocked = (length > LIMIT.as_secs()).then_some(start + LIMIT.as_secs());
            prop_assert_eq!(end, seconds(blocked.unwrap_or(until).min(until)));
        }
    }
}
