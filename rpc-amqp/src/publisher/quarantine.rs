//! What the broker has refused a moment ago.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::link::{Refusal, RefusalKind};

/// Exchanges and queues that the broker has refused a moment ago, with its words.
///
/// Asking it again for each message would cost a channel each, and no answer changes within seconds: messages that need
/// one of these are refused here meanwhile. What does not exist is different, because it is declared before it is used:
/// it was deleted in between, and declaring it once more cures that. Only when it is gone again within [`TIME`]
/// somebody means it.
///
/// [`TIME`]: Quarantine::TIME
#[derive(Debug, Default)]
pub(super) struct Quarantine(HashMap<Box<str>, Entry>);

#[derive(Debug)]
struct Entry {
    refusal: Refusal,
    since: Instant,
    /// Whether it is refused; otherwise it has one more try.
    is_shut: bool,
}

impl Quarantine {
    pub(super) const TIME: Duration = Duration::from_secs(5);
    const MOST: usize = 1_000;

    /// The broker has refused `name`.
    pub(super) fn refused(&mut self, name: &str, refusal: Refusal, now: Instant) {
        self.0.retain(|_, entry| now < entry.since + Self::TIME);
        let is_shut = refusal.kind != RefusalKind::Absent || self.0.contains_key(name);
        if self.0.len() >= Self::MOST && !self.0.contains_key(name) {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.since).map(|(name, _)| name.clone());
            oldest.map(|name| self.0.remove(&name));
        }
        self.0.insert(name.into(), Entry { refusal, since: now, is_shut });
    }

    /// Why nothing may be sent that needs `name`.
    pub(super) fn refusal(&self, name: &str, now: Instant) -> Option<&Refusal> {
        // Most of the time there is none, and this is asked for every message.
        if self.0.is_empty() {
            return None;
        }
        let entry = self.0.get(name)?;
        (entry.is_shut && now < entry.since + Self::TIME).then_some(&entry.refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: RefusalKind) -> Refusal {
        Refusal { kind, text: "no".to_owned() }
    }

    #[test]
    fn a_refusal_holds_for_its_time() {
        let (mut quarantine, now) = (Quarantine::default(), Instant::now());
        quarantine.refused("a", refusal(RefusalKind::Forbidden), now);
        let last = now + Quarantine::TIME - Duration::from_millis(1);
        assert!(quarantine.refusal("a", last).is_some() && quarantine.refusal("b", last).is_none());
        assert!(quarantine.refusal("a", now + Quarantine::TIME).is_none());
    }

    #[test]
    fn what_is_gone_has_one_more_try() {
        let (mut quarantine, now) = (Quarantine::default(), Instant::now());
        quarantine.refused("a", refusal(RefusalKind::Absent), now);
        assert!(quarantine.refusal("a", now).is_none());
        let soon = now + Quarantine::TIME / 2;
        quarantine.refused("a", refusal(RefusalKind::Absent), soon);
        assert!(quarantine.refusal("a", soon).is_some());
        let later = soon + Quarantine::TIME;
        assert!(quarantine.refusal("a", later).is_none());
        quarantine.refused("a", refusal(RefusalKind::Absent), later);
        assert!(quarantine.refusal("a", later).is_none(), "the first one was long ago");
    }

    #[test]
    fn the_oldest_makes_room() {
        let (mut quarantine, start) = (Quarantine::default(), Instant::now());
        for number in 0..=Quarantine::MOST {
            let now = start + Duration::from_millis(number as u64);
            quarantine.refused(&number.to_string(), refusal(RefusalKind::Mismatch), now);
        }
        let now = start + Duration::from_secs(1);
        assert_eq!(quarantine.0.len(), Quarantine::MOST);
        assert!(quarantine.refusal("0", now).is_none() && quarantine.refusal("1", now).is_some());
    }
}
