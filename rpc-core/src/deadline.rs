//! The moment after which nobody waits any more.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// The moment after which nobody waits any more.
///
/// Kept on tokio's clock, so it follows a paused one in tests. On the wire it travels as the time that is
/// left, because the clocks of two machines need not agree.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// The longest time that a deadline may lie ahead: 30 days. Longer ones are shortened to it, so that the
    /// arithmetic cannot overflow and every broker accepts the expiry made from it.
    pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// `timeout` from now, at most [`Deadline::LONGEST`].
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout.min(Self::LONGEST))
    }

    /// The time left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// The earlier of the two, where there are two.
    #[must_use]
    pub fn earlier(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| self.min(other))
    }

    pub(crate) const fn instant(self) -> Instant {
        self.0
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Deadline(in {:?})", self.remaining())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tg_10_time_left_shrinks_to_zero() {
        let deadline = Deadline::after(Duration::from_secs(2));
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(deadline.remaining(), Duration::from_millis(500));
        assert!(!deadline.has_passed());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert!(deadline.has_passed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_duration_does_not_overflow() {
        assert_eq!(Deadline::after(Duration::MAX).remaining(), Deadline::LONGEST);
    }
}
