//! Which calls wait for a reply.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

/// Which calls wait for a reply: a waiter under each 128-bit key.
///
/// Split into shards by the key's low bits, which are random, so that callers on different threads rarely meet.
/// The number of waiters is bounded.
pub(super) struct ReplyTable<W> {
    shards: [Mutex<Shard<W>>; SHARDS],
    waiting: AtomicUsize,
    limit: usize,
}

type Shard<W> = HashMap<u128, W, FixedState>;

const SHARDS: usize = 16;

/// The table holds as many waiters as it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

impl<W> ReplyTable<W> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
            waiting: AtomicUsize::new(0),
            limit,
        }
    }

    /// Makes `waiter` wait under `key`, which is random and so was never used before.
    pub(super) fn insert(&self, key: u128, waiter: W) -> Result<(), Full> {
        // Counted first, so that two callers cannot both take the last place.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        if self.shard(key).insert(key, waiter).is_some() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes the waiter under `key`.
    pub(super) fn take(&self, key: u128) -> Option<W> {
        let waiter = self.shard(key).remove(&key)?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(waiter)
    }

    /// Shows the waiter under `key`, who waits on, to `look`, which must not wait itself.
    pub(super) fn with<T>(&self, key: u128, look: impl FnOnce(&mut W) -> T) -> Option<T> {
        self.shard(key).get_mut(&key).map(look)
    }

    /// Shows all waiters to `waits_on`, which must not wait itself, and removes those of which it says so.
    pub(super) fn retain(&self, mut waits_on: impl FnMut(&mut W) -> bool) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, waiter| waits_on(waiter));
            self.waiting.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn shard(&self, key: u128) -> MutexGuard<'_, Shard<W>> {
        lock(&self.shards[key as usize % SHARDS])
    }
}

/// A shard holds no invariant that a panic between two statements could break.
fn lock<W>(shard: &Mutex<Shard<W>>) -> MutexGuard<'_, Shard<W>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u128),
        Take(u128),
        Look(u128),
        RetainEven,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u128..40).prop_map(Step::Insert),
            4 => (0_u128..40).prop_map(Step::Take),
            2 => (0_u128..40).prop_map(Step::Look),
            1 => Just(Step::RetainEven),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_bounded_map(steps in prop::collection::vec(step(), 0..200)) {
            let (table, mut model) = (ReplyTable::new(20), BTreeMap::new());
            for (waiter, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(key) if model.contains_key(&key) => {}
                    Step::Insert(key) => {
                        let expected = if model.len() < 20 { Ok(()) } else { Err(Full) };
                        prop_assert_eq!(table.insert(key, waiter), expected);
                        if expected.is_ok() {
                            model.insert(key, waiter);
                        }
                    }
                    Step::Take(key) => prop_assert_eq!(table.take(key), model.remove(&key)),
                    Step::Look(key) => {
                        let change = |waiter: &mut usize| {
                            *waiter += 1_000;
                            *waiter
                        };
                        prop_assert_eq!(table.with(key, change), model.get_mut(&key).map(change));
                    }
                    Step::RetainEven => {
                        let mut shown = Vec::new();
                        table.retain(|waiter| {
                            shown.push(*waiter);
                            *waiter % 2 == 0
                        });
                        shown.sort_unstable();
                        let mut expected: Vec<_> = model.values().copied().collect();
                        expected.sort_unstable();
                        prop_assert_eq!(shown, expected);
                        model.retain(|_, waiter| *waiter % 2 == 0);
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
