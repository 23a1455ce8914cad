//! Which calls wait for a reply.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
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

/// What a look for a waiter found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Found<W> {
    /// A waiter, which waits no more.
    Taken(W),
    /// A waiter, which waits on.
    Kept,
    Nobody,
}

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

    /// Takes the waiter under `key`. A second reply to the same call finds nobody.
    pub(super) fn take(&self, key: u128) -> Option<W> {
        match self.take_unless(key, |_| false) {
            Found::Taken(waiter) => Some(waiter),
            Found::Kept | Found::Nobody => None,
        }
    }

    /// As [`take`](Self::take), but leaves the waiter where it is if `keeps` says so. `keeps` runs under the lock of the
    /// shard, so it has to be quick.
    pub(super) fn take_unless(&self, key: u128, keeps: impl FnOnce(&W) -> bool) -> Found<W> {
        let mut shard = self.shard(key);
        let Entry::Occupied(waiter) = shard.entry(key) else { return Found::Nobody };
        if keeps(waiter.get()) {
            return Found::Kept;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Found::Taken(waiter.remove())
    }

    /// Puts another waiter in the place of the one under `key`. `false` when there is none, so that nobody waits there.
    pub(super) fn replace(&self, key: u128, waiter: W) -> bool {
        self.with(key, |place| *place = waiter).is_some()
    }

    /// Shows the waiter under `key`, who waits on, to `look`, which must not wait itself.
    pub(super) fn with<T>(&self, key: u128, look: impl FnOnce(&mut W) -> T) -> Option<T> {
        self.shard(key).get_mut(&key).map(look)
    }

    /// Takes all waiters.
    pub(super) fn take_all(&self) -> Vec<W> {
        let mut waiters = Vec::new();
        for shard in &self.shards {
            waiters.extend(lock(shard).drain().map(|(_, waiter)| waiter));
        }
        self.waiting.fetch_sub(waiters.len(), Ordering::Relaxed);
        waiters
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
        TakeUnlessEven(u128),
        Replace(u128),
        TakeAll,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u128..40).prop_map(Step::Insert),
            4 => (0_u128..40).prop_map(Step::Take),
            2 => (0_u128..40).prop_map(Step::Look),
            2 => (0_u128..40).prop_map(Step::TakeUnlessEven),
            2 => (0_u128..40).prop_map(Step::Replace),
            1 => Just(Step::TakeAll),
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
                    Step::TakeUnlessEven(key) => {
                        let expected = match model.get(&key) {
                            None => Found::Nobody,
                            Some(waiter) if waiter % 2 == 0 => Found::Kept,
                            Some(_) => Found::Taken(model.remove(&key).unwrap()),
                        };
                        prop_assert_eq!(table.take_unless(key, |waiter| waiter % 2 == 0), expected);
                    }
                    Step::Replace(key) => {
                        let replaced = model.get_mut(&key).map(|place| *place = waiter).is_some();
                        prop_assert_eq!(table.replace(key, waiter), replaced);
                    }
                    Step::TakeAll => {
                        let mut taken = table.take_all();
                        taken.sort_unstable();
                        let mut expected: Vec<_> = std::mem::take(&mut model).into_values().collect();
                        expected.sort_unstable();
                        prop_assert_eq!(taken, expected);
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
