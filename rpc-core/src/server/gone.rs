//! Reply addresses where nobody is.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::reply_address::ReplyAddress;

/// Reply addresses where nobody was lately, and since when.
///
/// The queue of a client whose link broke is away for a moment; that of a client which has died, for good. Nothing but
/// time tells them apart. At most [`MOST`](Self::MOST) addresses are kept; the one that was tried longest ago goes first.
#[derive(Debug, Default)]
pub(super) struct GoneAddresses(HashMap<ReplyAddress, Gone>);

#[derive(Clone, Copy, Debug)]
struct Gone {
    first: Instant,
    last: Instant,
}

impl GoneAddresses {
    pub(super) const MOST: usize = 1_024;
    /// Longer than a client takes to come back.
    pub(super) const DEAD_AFTER: Duration = Duration::from_secs(5);
    /// How long an address is remembered that was not tried again.
    pub(super) const KEPT: Duration = Duration::from_secs(60);

    /// Nobody was at `address`; says whether that has been so for too long.
    pub(super) fn unroutable(&mut self, now: Instant, address: &ReplyAddress) -> bool {
        let is_kept = |gone: &Gone| now.saturating_duration_since(gone.last) < Self::KEPT;
        if let Some(gone) = self.0.get_mut(address).filter(|gone| is_kept(gone)) {
            gone.last = now;
            return now.saturating_duration_since(gone.first) >= Self::DEAD_AFTER;
        }
        if self.0.len() >= Self::MOST && !self.0.contains_key(address) {
            self.0.retain(|_, gone| is_kept(gone));
            let oldest = self.0.iter().min_by_key(|(_, gone)| gone.last).map(|(oldest, _)| oldest.clone());
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= Self::MOST) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(address.clone(), Gone { first: now, last: now });
        false
    }

    /// Somebody was at `address`.
    pub(super) fn reached(&mut self, address: &ReplyAddress) {
        self.0.remove(address);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_is_away_for_long_is_dead_until_he_is_back() {
        let (mut gone, start) = (GoneAddresses::default(), Instant::now());
        let (one, other) = (ReplyAddress::random("one"), ReplyAddress::random("other"));
        assert!(!gone.unroutable(start, &one));
        assert!(!gone.unroutable(start + 4 * SECOND, &one));
        assert!(!gone.unroutable(start + 5 * SECOND, &other), "each has its own time");
        assert!(gone.unroutable(start + 5 * SECOND, &one));
        assert!(gone.unroutable(start + 64 * SECOND, &one), "it is tried again and again");
        gone.reached(&one);
        assert!(!gone.unroutable(start + 65 * SECOND, &one), "a new absence");
        assert!(!gone.unroutable(start + 125 * SECOND, &one), "the last one is forgotten");
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let (mut gone, start) = (GoneAddresses::default(), Instant::now());
        let first = ReplyAddress::random("first");
        gone.unroutable(start, &first);
        let second = ReplyAddress::random("second");
        gone.unroutable(start, &second);
        assert!(gone.unroutable(start + 6 * SECOND, &first));
        for _ in 0..GoneAddresses::MOST - 1 {
            gone.unroutable(start + 6 * SECOND, &ReplyAddress::random("many"));
        }
        assert_eq!(gone.0.len(), GoneAddresses::MOST);
        assert!(gone.unroutable(start + 7 * SECOND, &first), "it was tried later than the second");
        assert!(!gone.unroutable(start + 7 * SECOND, &second));
        gone.unroutable(start + 90 * SECOND, &ReplyAddress::random("late"));
        assert_eq!(gone.0.len(), 1, "those that are too old go together");
    }
}
