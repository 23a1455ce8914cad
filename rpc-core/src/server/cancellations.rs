//! Calls that nobody waits for any more.

mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::table::{Begin, Table};
use crate::cancellation::{Cancelled, Signal};
use crate::deadline::Deadline;
use crate::identity::CorrelationId;
use crate::message::Request;

/// Knows the calls that run here, and those that were cancelled before they came.
#[derive(Debug)]
pub(super) struct Cancellations(Option<Mutex<Table<Signal>>>);

/// A call that runs, until this is dropped. Many cannot be cancelled.
#[derive(Debug)]
pub(super) struct Cancellable<'a> {
    registered: Option<(&'a Cancellations, u128)>,
    signal: Option<Signal>,
}

impl Cancellations {
    /// How many calls are remembered that were cancelled.
    const MOST: usize = 65_536;
    /// For how long at most. What waits in its queue for longer after it was cancelled runs.
    const LONGEST: Duration = Duration::from_secs(600);

    /// Of a server that is told, or not.
    pub(super) fn new(is_told: bool) -> Self {
        Self(is_told.then(|| Mutex::new(Table::new(Self::MOST))))
    }

    /// `request` is about to start. `None` when it was cancelled before. Only a call with an id of our own form can be: what
    /// others choose can be guessed.
    pub(super) fn begin(&self, request: &Request) -> Option<Cancellable<'_>> {
        let Some(table) = &self.0 else { return Some(Cancellable::NEVER) };
        let key =
            request.reply_to.as_ref().and_then(|(_, correlation_id)| CorrelationId::key(correlation_id));
        let Some(key) = key else { return Some(Cancellable::NEVER) };
        // In the context that the handler will see.
        let signal = || request.context.cancellation.get_or_init(Signal::default).clone();
        match lock(table).begin(Instant::now, key, signal) {
            Begin::Runs(signal) => Some(Cancellable { registered: Some((self, key)), signal: Some(signal) }),
            Begin::Cancelled => None,
        }
    }

    /// Nobody waits for these any more. Those that run are told, and the others dropped when they come.
    pub(super) fn cancel(&self, cancelled: Cancelled) {
        let Some(table) = &self.0 else { return };
        let now = Instant::now();
        let until = Deadline::after(Self::LONGEST).earlier(cancelled.until).instant();
        for key in cancelled.calls {
            // Not under the lock: whoever is woken may ask for it.
            let signal = lock(table).cancel(now, key, until);
            if let Some(signal) = signal {
                signal.give();
            }
        }
    }
}

/// Nothing that runs under this lock can panic or wait.
fn lock(table: &Mutex<Table<Signal>>) -> MutexGuard<'_, Table<Signal>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cancellable<'_> {
    /// What cannot be cancelled.
    pub(super) const NEVER: Self = Cancellable { registered: None, signal: None };

    pub(super) fn is_cancelled(&self) -> bool {
        self.signal.as_ref().is_some_and(Signal::is_given)
    }

    pub(super) async fn cancelled(&self) {
        match &self.signal {
            Some(signal) => signal.given().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Cancellable<'_> {
    fn drop(&mut self) {
        if let Some((Cancellations(Some(table)), key)) = self.registered {
            lock(table).end(key);
        }
    }
}
