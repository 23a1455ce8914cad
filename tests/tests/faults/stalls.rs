//! Whether the machine itself stood still: a row that fails then deserves a second look.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Watches how late a plain thread wakes up from a short sleep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stalls(Arc<Mutex<Vec<(Instant, Duration)>>>);

impl Stalls {
    const TICK: Duration = Duration::from_millis(10);
    const WORTH_TELLING: Duration = Duration::from_millis(100);

    /// Watches from now on, until the last clone is dropped.
    pub(crate) fn watch() -> Self {
        let stalls = Self::default();
        let seen = Arc::downgrade(&stalls.0);
        std::thread::spawn(move || {
            loop {
                let before = Instant::now();
                std::thread::sleep(Self::TICK);
                let late = before.elapsed().saturating_sub(Self::TICK);
                let Some(seen) = seen.upgrade() else { break };
                if late > Self::WORTH_TELLING {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), late));
                }
            }
        });
        stalls
    }

    /// The longest since `start`.
    pub(crate) fn longest_since(&self, start: Instant) -> Option<Duration> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|(at, _)| *at >= start).map(|(_, late)| *late).max()
    }
}
