//! A value that one side reports and others watch.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where a value is reported, such as the state of a link.
pub struct Reporter<T>(Arc<Reported<T>>);

/// A reported value, now and when it changes. Cheap to clone, and cheap to ask.
///
/// Those who wait are woken in the order in which they began to, so a call that waited longer for the link goes first.
pub struct Watch<T>(Arc<Reported<T>>);

struct Reported<T> {
    value: RwLock<T>,
    changed: Notify,
    /// The reporter is gone, so the value stays.
    is_final: AtomicBool,
}

impl<T> Reporter<T> {
    /// A reporter that starts with `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        let value = RwLock::new(value);
        Self(Arc::new(Reported { value, changed: Notify::new(), is_final: AtomicBool::new(false) }))
    }

    /// Replaces the value by what `change` makes of it.
    pub fn update(&self, change: impl FnOnce(&T) -> T) {
        let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
        *value = change(&value);
        drop(value);
        self.0.changed.notify_waiters();
    }

    /// A watch on it.
    #[must_use]
    pub fn watch(&self) -> Watch<T> {
        Watch(Arc::clone(&self.0))
    }
}

impl<T> Drop for Reporter<T> {
    fn drop(&mut self) {
        self.0.is_final.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}

impl<T> Reported<T> {
    /// A report that panicked half-way left the old value.
    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Watch<T> {
    /// The value now.
    #[must_use]
    pub fn now(&self) -> T {
        self.0.read().clone()
    }

    /// What `look` finds in the value now. Keep it short: reports wait meanwhile.
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.read())
    }

    /// Waits until `wanted` holds; `None` when nobody reports any more and it did not hold.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Option<T> {
        loop {
            // From before the look, so that no report falls between the two.
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            // Before the look, too: the last report comes before the end.
            let is_final = self.0.is_final.load(Ordering::Acquire);
            let found = self.look(|value| wanted(value).then(|| value.clone()));
            if found.is_some() || is_final {
                return found;
            }
            changed.await;
        }
    }
}

impl<T> Watch<T> {
    /// Resolves at the next report, counted from now.
    pub(crate) fn next_report(&self) -> Pin<Box<Notified<'_>>> {
        let mut reported = Box::pin(self.0.changed.notified());
        reported.as_mut().enable();
        reported
    }
}

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Reporter<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Reporter").field(&*self.0.read()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Watch<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watch").field(&*self.0.read()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_longest_is_woken_first() {
        let reporter = Reporter::new(0);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let (mut watch, order) = (reporter.watch(), Arc::clone(&order));
                tokio::spawn(async move {
                    watch.wait_for(|value| *value == 1).await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        reporter.update(|value| value + 1);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_last_report_is_seen_after_the_end() {
        let reporter = Reporter::new(0);
        let (mut seen, mut missed) = (reporter.watch(), reporter.watch());
        assert_eq!(missed.wait_for(|value| *value == 2).now_or_never(), None);
        reporter.update(|_| 1);
        drop(reporter);
        assert_eq!(seen.wait_for(|value| *value == 1).now_or_never(), Some(Some(1)));
        assert_eq!(missed.wait_for(|value| *value == 2).now_or_never(), Some(None));
        assert_eq!(missed.now(), 1);
    }
}
