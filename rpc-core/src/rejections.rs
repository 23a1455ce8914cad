//! Messages that were put away, counted, and told of now and then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two lines in the log.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts messages that were rejected. A stranger can send any number of them, so not each is worth a line.
#[derive(Debug, Default)]
pub(crate) struct Rejections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    total: u64,
    untold: u64,
    told: Option<Instant>,
}

impl Rejections {
    /// Takes in one. How many there were since the last line, if it is time for another.
    pub(crate) fn rejected(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.total += 1;
        state.untold += 1;
        if state.told.is_some_and(|told| now.duration_since(told) < INTERVAL) {
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.untold))
    }

    /// Takes in one that the log does not tell of.
    pub(crate) fn count(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_every_ten_seconds() {
        let (rejections, start) = (Rejections::default(), Instant::now());
        let told: Vec<_> = (0..=25)
            .filter_map(|second| Some((second, rejections.rejected(start + Duration::from_secs(second))?)))
            .collect();
        assert_eq!((told, rejections.total()), (vec![(0, 1), (10, 10), (20, 10)], 26));
        rejections.count();
        assert_eq!(rejections.total(), 27);
        assert_eq!(
            rejections.rejected(start + Duration::from_secs(30)),
            Some(6),
            "those since the last line"
        );
    }
}
