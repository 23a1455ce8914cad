//! The broker that memory transports share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::MemoryTransport;
use super::connection::Connection;
use super::state::State;
use crate::dead_letters::DeadLetter;
use crate::transport::SharedTransport;

/// A broker in this process. Cheap to clone; clones are the same broker.
///
/// Each queue holds at most 65,536 messages and 256 MiB of bodies; what is beyond fails as overloaded. Queues of
/// topics, servers and pools stay for the life of the broker, as durable ones would.
#[derive(Clone, Default)]
pub struct MemoryBroker {
    state: Arc<Mutex<State>>,
    ids: Arc<AtomicU64>,
}

impl MemoryBroker {
    /// A broker without queues.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more connection, as another process would have.
    #[must_use]
    pub fn connect(&self) -> MemoryTransport {
        let connection = Connection::new(self.clone(), self.next_id());
        MemoryTransport { shared: SharedTransport::new(connection), broker: self.clone() }
    }

    /// The messages that were rejected, oldest first; the latest 1,024 are kept.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.state().dead_letters.all()
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Nothing that runs under this lock calls code that could panic or wait.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MemoryBroker")
    }
}
