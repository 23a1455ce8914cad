//! Whether a request that reached no queue is sent once more.

use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed};

/// What became of the copies of one request so far.
pub(super) struct Again {
    idempotent: bool,
    deadline: Deadline,
    /// Until when refusals are borne, counted from the first.
    bears: Option<Deadline>,
    pause: Duration,
    doubtful: u32,
    /// The error of the first of them. What happens to a later copy says nothing about it.
    in_doubt: Option<Error>,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Next {
    Send { pause: Duration },
    GiveUp(Error),
}

impl Again {
    /// How many copies of an idempotent request may get lost with their links.
    const MOST_LOST: u32 = 4;
    /// How long a broker may refuse a request. The queue's next leader is found sooner; one that is full for so long
    /// has too few servers.
    const LONGEST: Duration = Duration::from_secs(5);
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const LONGEST_PAUSE: Duration = Duration::from_millis(400);

    pub(super) const fn new(idempotent: bool, deadline: Deadline) -> Self {
        Self { idempotent, deadline, bears: None, pause: Self::FIRST_PAUSE, doubtful: 0, in_doubt: None }
    }

    /// A copy could not be published.
    pub(super) fn after(&mut self, error: Error) -> Next {
        let is_lost = error.code() == Code::Unavailable && error.executed() == Executed::Unknown;
        if is_lost && self.idempotent {
            self.doubtful += 1;
            let first = self.in_doubt.take().unwrap_or(error);
            if self.doubtful == Self::MOST_LOST || self.deadline.has_passed() {
                return Next::GiveUp(first);
            }
            self.in_doubt = Some(first);
            return Next::Send { pause: Duration::ZERO };
        }
        let is_refused = error.code() == Code::Overloaded && error.executed() == Executed::NotSent;
        if is_refused {
            // The last offer is made when the time for them ends, and not after it.
            let pause = self.pause.min(self.bears().remaining());
            self.pause = (2 * self.pause).min(Self::LONGEST_PAUSE);
            if !pause.is_zero() {
                return Next::Send { pause };
            }
        }
        Next::GiveUp(self.in_doubt.take().unwrap_or(error))
    }

    fn bears(&mut self) -> Deadline {
        let most = || Deadline::after((self.deadline.remaining() / 2).min(Self::LONGEST));
        *self.bears.get_or_insert_with(most)
    }

    pub(super) const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// How many copies may have arrived so far.
    pub(super) const fn doubtful(&self) -> u32 {
        self.doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Error {
        Error::new(Code::Unavailable, "the link broke").with_executed(Executed::Unknown)
    }

    fn refused() -> Error {
        Error::new(Code::Overloaded, "the queue is full").with_executed(Executed::NotSent)
    }

    fn pause(next: &Next) -> Option<Duration> {
        if let Next::Send { pause } = next { Some(*pause) } else { None }
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_arrived_is_sent_again_only_if_it_may_run_twice() {
        let deadline = Deadline::after(Duration::from_secs(60));
        assert!(pause(&Again::new(false, deadline).after(lost())).is_none());
        let mut again = Again::new(true, deadline);
        for copy in 1..=3 {
            assert_eq!(pause(&again.after(lost())), Some(Duration::ZERO));
            assert_eq!(again.doubtful(), copy);
        }
        assert!(pause(&again.after(lost())).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_does_not_hide_that_an_earlier_copy_may_have_arrived() {
        let mut again = Again::new(true, Deadline::after(Duration::from_secs(1)));
        assert!(pause(&again.after(lost())).is_some());
        assert!(pause(&again.after(refused())).is_some());
        tokio::time::advance(Duration::from_millis(500)).await;
        let Next::GiveUp(error) = again.after(refused()) else { panic!("half of the time is over") };
        assert_eq!(error.executed(), Executed::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_borne_for_half_of_the_time_and_for_5_s_at_most() {
        for (limit, borne) in [(40, 20), (120, 60), (740, 370), (1_000, 500), (60_000, 5_000)] {
            let mut again = Again::new(false, Deadline::after(Duration::from_millis(limit)));
            let mut waited = Duration::ZERO;
            while let Some(pause) = pause(&again.after(refused())) {
                assert!(pause <= Again::LONGEST_PAUSE);
                tokio::time::advance(pause).await;
                waited += pause;
            }
            assert_eq!(waited.as_millis(), borne, "of {limit} ms");
            assert_eq!(again.doubtful(), 0, "a copy that was refused has not been there");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_worth_a_second_copy() {
        let mut again = Again::new(true, Deadline::after(Duration::from_secs(1)));
        let unroutable = Error::new(Code::Unroutable, "nobody serves it").with_executed(Executed::NotSent);
        assert!(pause(&again.after(unroutable)).is_none());
    }
}
