//! Listening for signs of life.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::replies::Slot;
use super::waiter::Received;
use crate::deadline::Deadline;

/// The shortest silence that is listened for; what is shorter counts as this.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

/// When a call heard something last. The call reads it when it would give up, so a sign of life wakes nobody.
#[derive(Debug)]
pub(super) struct Heard(Mutex<Instant>);

/// Why a call gives up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unanswered {
    AtDeadline,
    InSilence(Duration),
}

/// How long a call waits.
#[derive(Clone, Copy, Debug)]
struct Limits {
    silence: Duration,
    deadline: Instant,
}

impl Heard {
    pub(super) fn now() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Something was heard.
    pub(super) fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limits {
    /// When, and why, a call gives up that hears nothing more. The deadline counts before a silence that ends with it.
    fn end(self, last: Instant) -> (Instant, Unanswered) {
        let silent = last + self.silence;
        if silent < self.deadline {
            (silent, Unanswered::InSilence(self.silence))
        } else {
            (self.deadline, Unanswered::AtDeadline)
        }
    }
}

/// How late a call may wake. One that is later was not driven, and neither was whoever takes signs of life in: what came
/// meanwhile is still to be heard.
const LATE: Duration = Duration::from_secs(1);

/// Waits for the reply to a request that has left just now, for as long as its server is heard.
pub(super) async fn listen(
    slot: &mut Slot,
    silence: Duration,
    deadline: Deadline,
) -> Result<Received, Unanswered> {
    let limits = Limits { silence, deadline: deadline.instant() };
    let heard: Arc<Heard> = slot.heard();
    let mut reply = std::pin::pin!(slot.reply());
    let mut end = limits.end(heard.last());
    loop {
        tokio::select! {
            biased;
            reply = &mut reply => return Ok(reply),
            () = sleep_until(end.0) => {}
        }
        if Instant::now() > end.0 + LATE {
            heard.again();
        }
        // What was heard meanwhile moved the end; otherwise this is it.
        let next = limits.end(heard.last());
        if next.0 <= end.0 {
            return Err(end.1);
        }
        end = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_call_gives_up_at_the_first_of_its_limits(
            last in 0_u64..9, silence in 1_u64..9, deadline in 0_u64..20,
        ) {
            let start = Instant::now();
            let at = |seconds| start + Duration::from_secs(seconds);
            let limits = Limits { silence: Duration::from_secs(silence), deadline: at(deadline) };
            let (end, why) = limits.end(at(last));
            prop_assert_eq!(end, at(deadline.min(last + silence)));
            prop_assert_eq!(why == Unanswered::AtDeadline, deadline <= last + silence);
            // Who hears more never gives up sooner.
            prop_assert!(limits.end(at(last + 1)).0 >= end);
        }
    }
}
