//! Keeping payloads out of logs.
//!
//! The client library logs every returned message whole, body included, at the level of a warning, from the thread that
//! reads the socket; and of one lost connection it tells several times, each as an error. Its thread, its tasks and the
//! login are given no subscriber; what happens to a connection is told by the supervisor.

use std::cell::RefCell;

use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};
use tracing::instrument::{WithDispatch, WithSubscriber};

thread_local! {
    static QUIET: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Silences `future` wherever it runs.
pub(super) fn future<F: Future>(future: F) -> WithDispatch<F> {
    future.with_subscriber(Dispatch::none())
}

/// Silences the calling thread until it ends.
pub(super) fn this_thread() {
    QUIET.with_borrow_mut(|quiet| {
        quiet.get_or_insert_with(|| set_default(&Dispatch::none()));
    });
}
