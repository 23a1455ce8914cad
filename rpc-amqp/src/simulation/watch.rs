//! A watched value whose watchers are woken in the order in which they came.
//!
//! tokio's own chooses that order by a chance that cannot be seeded. This is the part of its interface that the link uses.

use std::sync::{Arc, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

struct Shared<T> {
    value: RwLock<(u64, T)>,
    changed: Notify,
}

pub(crate) struct Sender<T>(Arc<Shared<T>>);

pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

pub(crate) struct Ref<'a, T>(RwLockReadGuard<'a, (u64, T)>);

/// The sender is gone. It never is before its watchers in this crate.
#[derive(Debug)]
pub(crate) struct Gone;

impl<T> Sender<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Shared { value: RwLock::new((0, value)), changed: Notify::new() }))
    }

    pub(crate) fn subscribe(&self) -> Receiver<T> {
        let shared = Arc::clone(&self.0);
        let seen = self.borrow().0.0;
        Receiver { shared, seen }
    }

    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.value.read().unwrap())
    }

    pub(crate) fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        let mut value = self.0.value.write().unwrap();
        value.0 += 1;
        modify(&mut value.1);
        drop(value);
        self.0.changed.notify_waiters();
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Receiver<T> {
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.value.read().unwrap())
    }

    pub(crate) fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.value.read().unwrap();
        self.seen = value.0;
        Ref(value)
    }

    pub(crate) async fn changed(&mut self) -> Result<(), Gone> {
        loop {
            // Before the look, so that no change falls between the two.
            let changed = self.shared.changed.notified();
            let version = self.shared.value.read().unwrap().0;
            if version != self.seen {
                self.seen = version;
                return Ok(());
            }
            changed.await;
        }
    }

    pub(crate) async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, Gone> {
        while !wanted(&self.borrow_and_update()) {
            self.changed().await?;
        }
        Ok(self.borrow_and_update())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> std::ops::Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1
    }
}
