//! Rejects events.

use std::sync::Arc;

use tokio::time::Instant;

use super::intake::Arrival;
use crate::error::Code;
use crate::rejections::Rejections;
use crate::transport::Acknowledger;

/// Rejects events, to the dead letters where there are some, and counts them. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejecter(Arc<Rejections>);

impl Rejecter {
    pub(super) fn reject(&self, arrival: Arrival, code: Code, reason: &str) {
        if let Some(count) = self.0.rejected(Instant::now()) {
            let (event_type, message_id) = (&arrival.message.event_type, &arrival.message.message_id);
            tracing::warn!(
                %code, reason, %event_type, %message_id, count,
                "rejected notifications, the last of them for this reason"
            );
        }
        drop(arrival.acknowledger.reject(code, reason));
    }

    /// Rejects what could not be understood.
    pub(super) fn reject_unread(&self, acknowledger: Acknowledger, code: Code, reason: &str) {
        if let Some(count) = self.0.rejected(Instant::now()) {
            tracing::warn!(%code, reason, count, "rejected notifications, the last of them for this reason");
        }
        drop(acknowledger.reject(code, reason));
    }

    pub(super) fn total(&self) -> u64 {
        self.0.total()
    }
}
