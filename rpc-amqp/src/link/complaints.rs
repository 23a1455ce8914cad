//! How often a node that does not take us is worth a line in the log.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two lines about one node.
const INTERVAL: Duration = Duration::from_secs(60);

/// What is known of the failures of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Complaints {
    last: Option<Instant>,
    untold: u32,
}

impl Complaints {
    /// Takes in a failed attempt. How many there were since the last line, if it is time for another.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u32> {
        self.untold = self.untold.saturating_add(1);
        if self.last.is_some_and(|last| now.duration_since(last) < INTERVAL) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_then_one_a_minute() {
        let start = Instant::now();
        let mut complaints = Complaints::default();
        let told: Vec<_> = (0..=180)
            .filter_map(|second| Some((second, complaints.failed(start + Duration::from_secs(second))?)))
            .collect();
        assert_eq!(told, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }
}
