//! Whether a call was cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a call was cancelled, for all who want to know. Made for each call that can be, so it is one small piece of memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_given: AtomicBool,
    waiting: Notify,
}

impl Signal {
    pub(crate) fn give(&self) {
        self.0.is_given.store(true, Ordering::SeqCst);
        self.0.waiting.notify_waiters();
    }

    pub(crate) fn is_given(&self) -> bool {
        self.0.is_given.load(Ordering::SeqCst)
    }

    pub(crate) async fn given(&self) {
        // Made before the look, so that a signal between the two wakes it.
        let given = self.0.waiting.notified();
        if !self.is_given() {
            given.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn everybody_hears_of_it_whenever_they_ask() {
        let (signal, other) = (Signal::default(), Signal::default());
        let early = signal.clone();
        let mut waiting = Box::pin(early.given());
        assert_eq!(waiting.as_mut().now_or_never(), None);
        let mut unasked = Box::pin(early.given());
        signal.give();
        assert_eq!(waiting.as_mut().now_or_never(), Some(()));
        assert_eq!(unasked.as_mut().now_or_never(), Some(()));
        assert_eq!(early.given().now_or_never(), Some(()));
        assert!(early.is_given() && !other.is_given());
    }
}
