//! A little chance, where nothing depends on its quality.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// A number that differs from process to process and from call to call. For jitter and shuffling; secrets come from
/// the system's random source instead.
pub(crate) fn number() -> u64 {
    #[cfg(test)]
    if let Some(number) = crate::simulation::seeded_number() {
        return number;
    }
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// A time below `bound`, evenly distributed as `chance` is.
pub(crate) fn below(bound: Duration, chance: u64) -> Duration {
    let nanoseconds = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(chance % nanoseconds.max(1))
}

/// Puts `items` into another order.
pub(crate) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let other = number() % (last as u64 + 1);
        items.swap(last, usize::try_from(other).unwrap_or(0));
    }
}
