//! Settles events as their handlers decided.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::requeue_delay::RequeueDelay;
use crate::delivery_limit::{Decision, DeliveryLimit};
use crate::error::Code;
use crate::listener::Disposition;
use crate::listener::group::Fate;
use crate::listener::intake::Arrival;
use crate::listener::rejecter::Rejecter;

/// Settles events as their handlers decided.
pub(super) struct Settler {
    pub(super) delivery_limit: DeliveryLimit,
    pub(super) requeue_delay: RequeueDelay,
    pub(super) rejecter: Rejecter,
    pub(super) running: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Settler {
    pub(super) fn settle(self: &Arc<Self>, arrival: Arrival, fate: &Fate) {
        let Arrival { message, acknowledger } = arrival;
        let (after, reason) = match fate {
            Fate::Decided(Disposition::Handled) => {
                // A link that is gone brings it again; there is nobody to tell.
                drop(acknowledger.ack());
                return;
            }
            Fate::Decided(Disposition::Requeue { after, reason }) => (*after, reason.as_str()),
            Fate::Panicked => (None, "the handler panicked; its server's log has the details"),
            Fate::Decided(Disposition::Reject { reason }) => {
                self.rejecter.reject(acknowledger, Code::ServiceError, reason);
                return;
            }
            Fate::Unreadable(error) => {
                self.rejecter.reject(acknowledger, error.code(), error.message());
                return;
            }
        };
        let attempt = message.context.attempt.saturating_add(1);
        let event_type = &message.event_type;
        if self.delivery_limit.decide(attempt, false) == Decision::Reject {
            let reason = format!("attempt {} was the last one: {reason}", message.context.attempt);
            self.rejecter.reject(acknowledger, Code::TooManyAttempts, &reason);
            return;
        }
        let delay = after.unwrap_or_else(|| self.requeue_delay.after(message.context.attempt));
        tracing::warn!(%event_type, reason, attempt, ?delay, "an event was not handled and comes again");
        // Not a worker's time: others are handled meanwhile. The prefetch bounds how many wait.
        let stop = self.stop.clone();
        self.running.spawn(async move {
            // At a shutdown it goes back at once, counted all the same.
            let _ = stop.run_until_cancelled(tokio::time::sleep(delay)).await;
            drop(acknowledger.retry(attempt));
        });
    }
}
