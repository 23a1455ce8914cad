//! How long things took, in few numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::introspection::Distribution;

/// Counts times by size. Sizes grow by an eighth of a power of two, so that a few hundred counters tell microseconds and
/// hours apart; below 16 microseconds each has its own.
///
/// Recording takes three atomic additions and no lock. What is read meanwhile may lack a time that is being recorded.
#[derive(Debug)]
pub(super) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    longest: AtomicU64,
}

/// Each power of two has this many sizes, as a power of two.
const SPLIT: u32 = 3;
/// Below this each number has a size of its own.
const EXACT: u64 = 2 << SPLIT;
/// 2^36 microseconds are 19 hours; whatever takes longer counts as that.
const LARGEST: u32 = 36;
const BUCKETS: usize = EXACT as usize + (((LARGEST - SPLIT - 1) as usize) << SPLIT);

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }

    pub(super) fn record(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(microseconds)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(microseconds, Ordering::Relaxed);
        // Rarely longer than all before, so a look is cheaper than a write.
        if microseconds > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(microseconds, Ordering::Relaxed);
        }
    }

    pub(super) fn distribution(&self) -> Distribution {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let max_us = self.longest.load(Ordering::Relaxed);
        let percentile = |per_mille: u64| {
            let rank = (count * per_mille).div_ceil(1_000).max(1);
            let mut below = 0;
            let reached = |&of_size: &u64| {
                below += of_size;
                below >= rank
            };
            counts.iter().position(reached).map_or(0, |size| middle(size).min(max_us))
        };
        Distribution {
            count,
            mean_us: self.sum.load(Ordering::Relaxed).checked_div(count).unwrap_or(0),
            p50_us: percentile(500),
            p90_us: percentile(900),
            p99_us: percentile(990),
            p999_us: percentile(999),
            max_us,
        }
    }
}

fn bucket(number: u64) -> usize {
    let number = number.min((1 << LARGEST) - 1);
    if number < EXACT {
        return number as usize;
    }
    let power = number.ilog2();
    let within = (number >> (power - SPLIT)) as usize & ((1 << SPLIT) - 1);
    EXACT as usize + (((power - SPLIT - 1) as usize) << SPLIT) + within
}

/// A number in the middle of those that share a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < EXACT as usize {
        return bucket as u64;
    }
    let above = bucket - EXACT as usize;
    let power = (above >> SPLIT) as u32 + SPLIT + 1;
    let width = 1_u64 << (power - SPLIT);
    (1 << power) + (above as u64 & ((1 << SPLIT) - 1)) * width + width / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_off_by_7_per_cent_at_most(number in 0_u64..(1 << LARGEST)) {
            let middle = middle(bucket(number));
            prop_assert!(middle.abs_diff(number) as f64 <= 0.07 * number as f64, "{number} is taken for {middle}");
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_times(mut times in prop::collection::vec(0_u64..10_000_000, 1..200)) {
            let histogram = Histogram::new();
            times.iter().for_each(|&time| histogram.record(Duration::from_micros(time)));
            times.sort_unstable();
            let distribution = histogram.distribution();
            prop_assert_eq!(distribution.count, times.len() as u64);
            prop_assert_eq!(distribution.max_us, times[times.len() - 1]);
            prop_assert_eq!(distribution.mean_us, times.iter().sum::<u64>() / times.len() as u64);
            for (found, per_mille) in [
                (distribution.p50_us, 500), (distribution.p90_us, 900), (distribution.p99_us, 990), (distribution.p999_us, 999),
            ] {
                let exact = times[(times.len() * per_mille).div_ceil(1_000).max(1) - 1];
                prop_assert!(found.abs_diff(exact) as f64 <= 0.07 * exact as f64, "{per_mille}: {found} for {exact}");
            }
        }
    }

    #[test]
    fn the_ends_fit() {
        let histogram = Histogram::new();
        assert_eq!(histogram.distribution(), Distribution::default());
        histogram.record(Duration::MAX);
        histogram.record(Duration::ZERO);
        assert_eq!(histogram.distribution().count, 2);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert!((0..BUCKETS).all(|size| bucket(middle(size)) == size));
    }
}
