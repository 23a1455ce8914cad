//! Whether a confirm is for a message that waits for one.
//!
//! No broker confirms what was not published or twice, but a network that changes bits does. Whose confirm it was meant to
//! be nobody can tell, so that none of those in flight may be believed.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The broker has confirmed what was not published, or not again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the broker confirmed message {tag} of channel {channel}, which waits for no confirm")]
pub(crate) struct Misplaced {
    channel: u16,
    tag: u64,
}

/// How many messages were published on the channels of one connection: written by whoever publishes, read by the guard.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<HashMap<u16, Arc<AtomicU64>>>);

/// What was confirmed on the channels of one connection.
#[derive(Debug)]
pub(super) struct Confirms {
    published: Arc<Published>,
    channels: HashMap<u16, Confirmed>,
}

/// What was confirmed on a channel.
#[derive(Debug)]
struct Confirmed {
    /// How many were published, by whoever does that.
    published: Arc<AtomicU64>,
    /// The lowest tag that was not.
    next: u64,
    /// Those that were, beyond it. Bounded by what may be in flight.
    ahead: BTreeSet<u64>,
}

impl Published {
    /// The counter of a channel that is new and in confirm mode. To be raised before each message is handed over.
    pub(crate) fn on(&self, channel: u16) -> Arc<AtomicU64> {
        let counter = Arc::<AtomicU64>::default();
        self.counters().insert(channel, Arc::clone(&counter));
        counter
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<u16, Arc<AtomicU64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Confirms {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self { published, channels: HashMap::new() }
    }

    /// A channel is opened anew.
    pub(super) fn forget(&mut self, channel: u16) {
        self.channels.remove(&channel);
        self.published.counters().remove(&channel);
    }

    /// The broker has confirmed a message, or all up to it. On a channel that nobody counts anything goes.
    pub(super) fn confirmed(&mut self, channel: u16, tag: u64, multiple: bool) -> Result<(), Misplaced> {
        let confirmed = match self.channels.entry(channel) {
            Entry::Occupied(entry) => entry.into_mut(),
            // Asked for once: the counter of a channel stays the same until it is opened anew.
            Entry::Vacant(entry) => {
                let Some(published) = self.published.counters().get(&channel).cloned() else { return Ok(()) };
                entry.insert(Confirmed { published, next: 1, ahead: BTreeSet::new() })
            }
        };
        if confirmed.take(tag, multiple) { Ok(()) } else { Err(Misplaced { channel, tag }) }
    }
}

impl Confirmed {
    /// Whether this may be confirmed now.
    fn take(&mut self, tag: u64, multiple: bool) -> bool {
        let published = self.published.load(Ordering::Acquire);
        // Zero stands for all that there are.
        let last = if multiple && tag == 0 { published } else { tag };
        if last > published {
            return false;
        }
        if multiple {
            self.next = self.next.max(last + 1);
            self.ahead = self.ahead.split_off(&self.next);
        } else if last < self.next || !self.ahead.insert(last) {
            return false;
        }
        while self.ahead.first() == Some(&self.next) {
            self.ahead.pop_first();
            self.next += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_confirm_is_taken_once() {
        let published = Arc::<Published>::default();
        let mut confirms = Confirms::new(Arc::clone(&published));
        assert_eq!(confirms.confirmed(1, 9, false), Ok(()), "nobody counts there");
        published.on(1).store(5, Ordering::Release);
        let mut is_taken = |tag, multiple| confirms.confirmed(1, tag, multiple).is_ok();
        assert!(is_taken(2, false) && !is_taken(2, false), "twice");
        assert!(!is_taken(6, false) && !is_taken(6, true), "not published");
        assert!(!is_taken(0, false), "there is no such tag");
        assert!(is_taken(3, true) && !is_taken(1, false), "it was among many");
        assert!(is_taken(3, true), "none is left, and none is missed");
        assert!(is_taken(0, true) && !is_taken(5, false), "all");
        confirms.forget(1);
        published.on(1).store(1, Ordering::Release);
        assert_eq!(confirms.confirmed(1, 1, false), Ok(()), "another channel of the same number");
    }

    proptest! {
        /// As a set of all that wait would have it.
        #[test]
        fn it_knows_which_wait(steps in prop::collection::vec((0_u64..20, any::<bool>(), 0_u64..3), 0..60)) {
            let counter = Arc::<AtomicU64>::default();
            let mut confirmed = Confirmed { published: Arc::clone(&counter), next: 1, ahead: BTreeSet::new() };
            let (mut waiting, mut published) = (BTreeSet::new(), 0);
            for (tag, multiple, more) in steps {
                waiting.extend(published + 1..=published + more);
                published += more;
                counter.store(published, Ordering::Release);
                let expected = if multiple { tag <= published } else { waiting.contains(&tag) };
                prop_assert_eq!(confirmed.take(tag, multiple), expected);
                if expected && multiple {
                    let last = if tag == 0 { published } else { tag };
                    waiting = waiting.split_off(&(last + 1));
                } else {
                    waiting.remove(&tag);
                }
                prop_assert!(confirmed.ahead.len() as u64 <= published);
            }
        }
    }
}
