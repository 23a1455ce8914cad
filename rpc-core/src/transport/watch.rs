//! A value that one side reports and others watch.

use tokio::sync::watch;

/// Where a value is reported, such as the state of a link.
#[derive(Debug)]
pub struct Reporter<T>(watch::Sender<T>);

/// A reported value, now and when it changes. Cheap to clone, and cheap to ask.
#[derive(Clone, Debug)]
pub struct Watch<T>(watch::Receiver<T>);

impl<T> Reporter<T> {
    /// A reporter that starts with `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(watch::Sender::new(value))
    }

    /// Replaces the value by what `change` makes of it.
    pub fn update(&self, change: impl FnOnce(&T) -> T) {
        self.0.send_modify(|value| *value = change(value));
    }

    /// A watch on it.
    #[must_use]
    pub fn watch(&self) -> Watch<T> {
        Watch(self.0.subscribe())
    }
}

impl<T: Clone> Watch<T> {
    /// The value now.
    #[must_use]
    pub fn now(&self) -> T {
        self.0.borrow().clone()
    }

    /// What `look` finds in the value now. Keep it short: reports wait meanwhile.
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.borrow())
    }

    /// Waits until `wanted` holds; `None` when nobody reports any more and it did not hold.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn wait_for(&mut self, wanted: impl FnMut(&T) -> bool) -> Option<T> {
        self.0.wait_for(wanted).await.ok().map(|value| value.clone())
    }
}
