//! When the broker has been silent for too long, and when we have.

use std::time::Duration;

use tokio::time::Instant;

/// When the broker has been silent for too long, and when we have: to be asked twice in each interval.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    read: Instant,
    has_written: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beat {
    Nothing,
    /// A sign of life is due.
    Send,
    /// The broker gives none.
    Dead,
}

impl Heartbeat {
    pub(super) const fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, read: now, has_written: true }
    }

    /// How often to ask; `None` when both sides have agreed on no heartbeats.
    pub(super) fn pace(&self) -> Option<Duration> {
        (!self.interval.is_zero()).then(|| self.interval / 2)
    }

    pub(super) const fn has_read(&mut self, now: Instant) {
        self.read = now;
    }

    pub(super) const fn has_written(&mut self) {
        self.has_written = true;
    }

    /// What is due. A peer is dead after two intervals; half an interval is the longest that we are silent.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        if now.saturating_duration_since(self.read) > self.interval * 2 {
            Beat::Dead
        } else if std::mem::take(&mut self.has_written) {
            Beat::Nothing
        } else {
            Beat::Send
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_on_both_sides() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut heartbeat = Heartbeat::new(Duration::from_secs(10), start);
        assert_eq!(heartbeat.pace(), Some(Duration::from_secs(5)));
        assert_eq!([5, 10].map(|now| heartbeat.beat(at(now))), [Beat::Nothing, Beat::Send]);
        heartbeat.has_written();
        assert_eq!([15, 20, 21].map(|now| heartbeat.beat(at(now))), [Beat::Nothing, Beat::Send, Beat::Dead]);
        heartbeat.has_read(at(21));
        assert_eq!(heartbeat.beat(at(41)), Beat::Send);
        assert_eq!(Heartbeat::new(Duration::ZERO, start).pace(), None);
    }
}
