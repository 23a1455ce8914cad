//! The latest of many values.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The latest of many values, in order, from one who never waits to one who may be slow: beyond so many the oldest are lost.
#[derive(Debug)]
pub(crate) struct Latest<T> {
    state: Mutex<State<T>>,
    any: Notify,
}

#[derive(Debug)]
struct State<T> {
    values: VecDeque<T>,
    most: usize,
    is_closed: bool,
}

impl<T> Latest<T> {
    pub(crate) fn new(most: usize) -> Self {
        let state = State { values: VecDeque::new(), most, is_closed: false };
        Self { state: Mutex::new(state), any: Notify::new() }
    }

    /// Adds one. After the close it is dropped.
    pub(crate) fn put(&self, value: T) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        if state.values.len() == state.most {
            state.values.pop_front();
        }
        state.values.push_back(value);
        drop(state);
        self.any.notify_one();
    }

    /// Takes no more in.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.any.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// The oldest that is there.
    pub(crate) fn take(&self) -> Option<T> {
        self.state().values.pop_front()
    }

    /// The oldest, waited for by one at a time; `None` after the close, when all are taken.
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Option<T> {
        loop {
            {
                let mut state = self.state();
                let value = state.values.pop_front();
                if value.is_some() || state.is_closed {
                    return value;
                }
            }
            // One who puts between the look and this leaves a permit.
            self.any.notified().await;
        }
    }

    /// Nothing that runs under this lock can panic or wait.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_oldest_are_lost() {
        let latest = Latest::new(3);
        assert_eq!(latest.next().now_or_never(), None);
        (0..5).for_each(|value| latest.put(value));
        assert_eq!(latest.next().now_or_never(), Some(Some(2)));
        assert_eq!((latest.take(), latest.is_closed()), (Some(3), false));
        latest.close();
        latest.put(5);
        assert_eq!(latest.next().now_or_never(), Some(Some(4)));
        assert_eq!(latest.next().now_or_never(), Some(None));
        assert!(latest.is_closed());
    }

    #[tokio::test]
    async fn one_who_waits_is_woken() {
        let latest = std::sync::Arc::new(Latest::new(1));
        let waiting = tokio::spawn({
            let latest = std::sync::Arc::clone(&latest);
            async move { (latest.next().await, latest.next().await) }
        });
        tokio::task::yield_now().await;
        latest.put(1);
        tokio::task::yield_now().await;
        latest.close();
        assert_eq!(waiting.await.unwrap(), (Some(1), None));
    }
}
