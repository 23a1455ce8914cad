//! The right to run one request.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to run one request; one of as many as the server has workers. It is given back when it is dropped, and
/// whoever has to wait for something else gives it back before.
#[derive(Debug)]
pub(super) enum Worker {
    Taken(OwnedSemaphorePermit),
    Released(Arc<Semaphore>),
}

impl Worker {
    /// Lets somebody else run meanwhile.
    pub(super) fn release(&mut self) {
        if let Self::Taken(permit) = self {
            *self = Self::Released(Arc::clone(permit.semaphore()));
        }
    }

    /// Waits for the right to run again.
    pub(super) async fn take(&mut self) {
        if let Self::Released(workers) = self
            && let Ok(permit) = Arc::clone(workers).acquire_owned().await
        {
            // Otherwise the semaphore was closed, which it never is.
            *self = Self::Taken(permit);
        }
    }
}
