//! Confirms that are told late.
//!
//! Whoever waits for a reply learns from it that the request arrived, mostly a moment after the confirm has said so. To be
//! told twice is to be woken twice, and the thread of a caller with it. So a confirm that is all right waits for a while: most
//! callers are gone by then. Those who are not are told together, in time before their deadline.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::caller::Caller;

/// How late a confirm is told.
const LATE: Duration = Duration::from_millis(50);
/// How many wait. For one more the oldest is told early.
const MOST: usize = 4_096;

/// Callers who are told late that their message was confirmed.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// When each is told, oldest first.
    waiting: VecDeque<(Instant, Caller)>,
    next: Option<Pin<Box<Sleep>>>,
}

impl Later {
    /// The message of a caller who waits until `until` is confirmed.
    pub(super) fn confirmed(&mut self, caller: Caller, until: Instant, now: Instant) {
        let moment = now + LATE;
        if moment + LATE > until {
            return caller.tell(Ok(()));
        }
        self.forget(now);
        if self.waiting.len() == MOST
            && let Some((_, oldest)) = self.waiting.pop_front()
        {
            oldest.tell(Ok(()));
        }
        self.waiting.push_back((moment, caller));
        self.next.get_or_insert_with(|| Box::pin(sleep_until(moment)));
    }

    /// Resolves when somebody has to be told. Dropping the future loses nothing.
    pub(super) async fn due(&mut self) {
        match &mut self.next {
            Some(next) => next.await,
            None => std::future::pending().await,
        }
    }

    /// Tells those whose time has come.
    pub(super) fn tell(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|(moment, _)| *moment <= now)
            && let Some((_, caller)) = self.waiting.pop_front()
        {
            caller.tell(Ok(()));
        }
        self.forget(now);
        self.next = self.waiting.front().map(|(moment, _)| Box::pin(sleep_until(*moment)));
    }

    /// Nobody need be told any more who is gone.
    fn forget(&mut self, now: Instant) {
        // Each was told before its deadline.
        while self.waiting.front().is_some_and(|(moment, caller)| caller.is_gone(*moment + LATE, now)) {
            self.waiting.pop_front();
        }
    }
}

/// However publishing ends, what was confirmed is.
impl Drop for Later {
    fn drop(&mut self) {
        self.waiting.drain(..).for_each(|(_, caller)| caller.tell(Ok(())));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::advance;

    use super::*;
    use crate::publisher::caller::Outcome;

    const FAR: Duration = Duration::from_secs(10);

    fn wait(later: &mut Later, limit: Duration) -> oneshot::Receiver<Outcome> {
        let (caller, outcome) = oneshot::channel();
        later.confirmed(Caller::Waits(caller), Instant::now() + limit, Instant::now());
        outcome
    }

    fn is_told(outcome: &mut oneshot::Receiver<Outcome>) -> bool {
        outcome.try_recv().is_ok_and(|outcome| outcome.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn a_confirm_is_told_late_and_never_too_late() {
        let mut later = Later::default();
        let mut in_haste = wait(&mut later, 2 * LATE - Duration::from_millis(1));
        assert!(is_told(&mut in_haste));
        let mut patient = wait(&mut later, FAR);
        advance(LATE / 2).await;
        let mut next = wait(&mut later, FAR);
        assert!(!is_told(&mut patient));
        for told in [&mut patient, &mut next] {
            later.due().await;
            later.tell(Instant::now());
            assert!(is_told(told));
        }
        assert!(later.next.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_gone_takes_no_place() {
        let mut later = Later::default();
        for _ in 0..10 {
            drop(wait(&mut later, FAR));
        }
        assert_eq!(later.waiting.len(), 1);
        let mut waiting: Vec<_> = (0..MOST).map(|_| wait(&mut later, FAR)).collect();
        assert!(!is_told(&mut waiting[0]));
        waiting.push(wait(&mut later, FAR));
        assert!(is_told(&mut waiting[0]) && !is_told(&mut waiting[1]));
        drop(later);
        assert!(waiting[1..].iter_mut().all(is_told), "what was confirmed stays so");
    }
}
