//! Settles events as their handlers decided.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::requeue_delay::RequeueDelay;
use crate::delivery_limit::{Decision, DeliveryLimit};
use crate::error::Code;
use crate::listener::Disposition;
use crate::listener::group::Fate;
use crate::listener::intake::Arrival;
use crate::listener::rejecter::Rejecter;
use crate::rejections::Rejections;

/// Settles events as their handlers decided.
pub(super) struct Settler {
    pub(super) delivery_limit: DeliveryLimit,
    pub(super) requeue_delay: RequeueDelay,
    pub(super) rejecter: Rejecter,
    /// Events that wait to come again.
    pub(super) waiting: TaskTracker,
    /// An outage gives back thousands, so not each is worth a line.
    pub(super) given_back: Rejections,
    pub(super) stop: CancellationToken,
}

impl Settler {
    pub(super) fn settle(&self, arrival: Arrival, fate: &Fate) {
        let (after, reason) = match fate {
            Fate::Decided(Disposition::Handled) => {
                // A link that is gone brings it again; there is nobody to tell.
                drop(arrival.acknowledger.ack());
                return;
            }
            Fate::Decided(Disposition::Requeue { after, reason }) => (*after, reason.as_str()),
            Fate::Panicked => (None, "the handler panicked; its server's log has the details"),
            Fate::Decided(Disposition::Reject { reason }) => {
                self.rejecter.reject(arrival, Code::ServiceError, reason);
                return;
            }
            Fate::Unreadable(error) => {
                self.rejecter.reject(arrival, error.code(), error.message());
                return;
            }
        };
        let attempt = arrival.message.context.attempt;
        let next = attempt.saturating_add(1);
        if self.delivery_limit.decide(next, false) == Decision::Reject {
            let reason = format!("attempt {attempt} was the last one: {reason}");
            self.rejecter.reject(arrival, Code::TooManyAttempts, &reason);
            return;
        }
        let delay = after.unwrap_or_else(|| self.requeue_delay.after(attempt));
        if let Some(count) = self.given_back.rejected(Instant::now()) {
            let (event_type, message_id) = (&arrival.message.event_type, &arrival.message.message_id);
            tracing::warn!(
                %event_type, %message_id, reason, attempt, ?delay, count,
                "events were not handled and come again, the last of them for this reason"
            );
        }
        // Not a worker's time: others are handled meanwhile. The prefetch bounds how many wait.
        let (stop, acknowledger) = (self.stop.clone(), arrival.acknowledger);
        self.waiting.spawn(async move {
            // At a shutdown it goes back at once, counted all the same.
            let _ = stop.run_until_cancelled(tokio::time::sleep(delay)).await;
            drop(acknowledger.retry(next));
        });
    }
}
