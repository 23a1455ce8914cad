//! Keeping payloads out of logs.
//!
//! The client library logs every returned message whole, body included, at the level of a warning, from the thread that
//! reads the socket. That thread is given no subscriber; what happens to a connection is told by the supervisor.

use std::cell::RefCell;

use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};

thread_local! {
    static QUIET: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Silences the calling thread until it ends.
pub(super) fn this_thread() {
    QUIET.with_borrow_mut(|quiet| {
        quiet.get_or_insert_with(|| set_default(&Dispatch::none()));
    });
}
