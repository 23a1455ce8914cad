//! The state of a connection, and the task that looks after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::state::State;

/// The state of a connection, with those who have it: its task, its channels, and whoever opened it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Woken when there is something to write.
    task: AtomicWaker,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Inner { state: Mutex::new(state), task: AtomicWaker::new() }))
    }

    /// Does something that may have to be written.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.lock());
        self.0.task.wake();
        result
    }

    /// Nothing that runs under this lock can panic or wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to wake from now on.
    pub(super) fn register(&self, waker: &Waker) {
        self.0.task.register(waker);
    }
}
