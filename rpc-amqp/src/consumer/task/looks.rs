//! When the decisions about replies are looked at.
//!
//! Whoever decides about a delivery wakes the task that waits for decisions, and mostly its thread. Nobody has to hurry with
//! replies: one that comes again because its acknowledgement was late finds nobody waiting. So decisions about them are not
//! waited for. They lie there until somebody looks, which is soon after something was handed out.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a decision may lie there.
const LONGEST_WAIT: Duration = Duration::from_millis(25);
/// How many replies are handed out between two looks: a part of what the broker sends without an acknowledgement.
const MOST_BETWEEN: usize = 256;

/// When the decisions about replies are looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Replies that were handed out since the last look.
    handed_out: usize,
    next: Option<Pin<Box<Sleep>>>,
}

impl Looks {
    /// A reply was handed out, and will be decided about.
    pub(super) fn handed_out(&mut self) {
        self.handed_out += 1;
        self.wait();
    }

    /// Resolves when it is time to look. Dropping the future loses nothing.
    pub(super) async fn due(&mut self) {
        match &mut self.next {
            Some(_) if self.handed_out >= MOST_BETWEEN => {}
            Some(next) => next.await,
            None => std::future::pending().await,
        }
    }

    /// Somebody looked, and so many replies are not decided about.
    pub(super) fn looked(&mut self, outstanding: usize) {
        (self.handed_out, self.next) = (0, None);
        if outstanding > 0 {
            self.wait();
        }
    }

    fn wait(&mut self) {
        self.next.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + LONGEST_WAIT)));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    fn is_due(looks: &mut Looks) -> bool {
        looks.due().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_decision_does_not_lie_there_for_long() {
        let mut looks = Looks::default();
        assert!(!is_due(&mut looks));
        looks.handed_out();
        advance(LONGEST_WAIT - Duration::from_millis(1)).await;
        looks.handed_out();
        assert!(!is_due(&mut looks));
        advance(Duration::from_millis(2)).await;
        assert!(is_due(&mut looks));
        // The second is not decided about.
        looks.looked(1);
        assert!(!is_due(&mut looks));
        advance(LONGEST_WAIT + Duration::from_millis(1)).await;
        assert!(is_due(&mut looks));
        looks.looked(0);
        advance(LONGEST_WAIT * 2).await;
        assert!(!is_due(&mut looks));
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_looked_at_at_once() {
        let mut looks = Looks::default();
        for _ in 1..MOST_BETWEEN {
            looks.handed_out();
            assert!(!is_due(&mut looks));
        }
        looks.handed_out();
        assert!(is_due(&mut looks));
        looks.looked(MOST_BETWEEN);
        assert!(!is_due(&mut looks), "they have to be decided about first");
    }
}
