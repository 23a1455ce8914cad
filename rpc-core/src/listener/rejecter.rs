//! Moves events to the dead letters.

use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Code;
use crate::rejections::Rejections;
use crate::transport::Acknowledger;

/// Moves events to the dead letters, and counts them. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejecter(Arc<Rejections>);

impl Rejecter {
    pub(super) fn reject(&self, acknowledger: Acknowledger, code: Code, reason: &str) {
        if let Some(count) = self.0.rejected(Instant::now()) {
            tracing::warn!(%code, reason, count, "rejected notifications, the last of them for this reason");
        }
        drop(acknowledger.reject(code, reason));
    }

    pub(super) fn total(&self) -> u64 {
        self.0.total()
    }
}
