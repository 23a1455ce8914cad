//! Whether a silent broker is busy with us.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes that went through a socket, in both directions.
///
/// A slow link carries one large body for longer than a broker may take for an answer, and the answer waits behind it.
/// Such a broker is not dead. One that is dead is found by its heartbeats, which are too small to count here.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    bytes: AtomicU64,
    /// What `bytes` was at the last ticks, oldest first.
    ticks: Mutex<VecDeque<u64>>,
}

impl Traffic {
    /// How many ticks are remembered. One is a second.
    const TICKS: usize = 5;
    /// Fewer bytes in this time are no more than heartbeats and small commands.
    const BUSY: u64 = 16 * 1_024;

    pub(super) fn moved(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// To be called once a second.
    pub(super) fn tick(&self) {
        let mut ticks = self.ticks.lock().unwrap_or_else(PoisonError::into_inner);
        if ticks.len() == Self::TICKS {
            ticks.pop_front();
        }
        ticks.push_back(self.bytes.load(Ordering::Relaxed));
    }

    /// Whether the link has carried more in the last five seconds than a link that waits does.
    pub(super) fn is_busy(&self) -> bool {
        let ticks = self.ticks.lock().unwrap_or_else(PoisonError::into_inner);
        let before = ticks.front().copied().unwrap_or(0);
        self.bytes.load(Ordering::Relaxed).saturating_sub(before) >= Self::BUSY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_carried_long_ago_does_not_count() {
        let traffic = Traffic::default();
        assert!(!traffic.is_busy());
        traffic.moved(1_000_000);
        for second in 0..=Traffic::TICKS {
            assert_eq!(traffic.is_busy(), second == 0, "{second}");
            traffic.tick();
            // Heartbeats.
            traffic.moved(16);
        }
        traffic.moved(20_000);
        assert!(traffic.is_busy());
    }
}
