//! Which messages had to be changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::changes::Changes;

/// Deliveries that were changed and not handed out yet. More than that many are waiting only if nobody takes them, and
/// the library holds each of them whole.
const MOST_MARKED: usize = 65_536;
/// How often they are told of.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Too much had to be remembered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the broker sends more malformed messages than can be rejected")]
pub(crate) struct Overflow;

/// Which messages of one connection had to be changed: written by whoever reads the socket, read by the consumers.
///
/// The guard has gone over the whole header of a message before the library sees the end of it, so whoever holds a
/// delivery finds its mark here.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    inner: Mutex<Inner>,
    /// How many marks there are, so that nobody locks where there are none.
    marked: AtomicUsize,
}

#[derive(Debug, Default)]
struct Inner {
    marks: HashMap<(u16, u64), Changes>,
    /// Since the last report.
    deliveries: u64,
    returns: u64,
    reported: Option<Instant>,
}

/// How many messages had to be changed in a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Report {
    /// Deliveries, which were rejected.
    pub(crate) deliveries: u64,
    /// Messages of our own that came back and were dropped.
    pub(crate) returns: u64,
}

impl Findings {
    /// Takes what was changed in a delivery, if anything was. It is known only once.
    pub(crate) fn take(&self, channel: u16, tag: u64) -> Option<Changes> {
        if self.marked.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut inner = self.inner();
        let changes = inner.marks.remove(&(channel, tag));
        self.marked.store(inner.marks.len(), Ordering::Release);
        changes
    }

    /// What happened since the last report, if anything did and that was long enough ago.
    pub(crate) fn report(&self, now: Instant) -> Option<Report> {
        let mut inner = self.inner();
        let is_early = inner.reported.is_some_and(|last| now.duration_since(last) < REPORT_INTERVAL);
        if is_early || (inner.deliveries, inner.returns) == (0, 0) {
            return None;
        }
        inner.reported = Some(now);
        Some(Report {
            deliveries: std::mem::take(&mut inner.deliveries),
            returns: std::mem::take(&mut inner.returns),
        })
    }

    /// Marks a delivery. One that was changed in two frames counts once.
    pub(super) fn delivery(&self, channel: u16, tag: u64, changes: Changes) -> Result<(), Overflow> {
        let mut inner = self.inner();
        let before = inner.marks.get(&(channel, tag)).copied();
        if before.is_none() {
            if inner.marks.len() >= MOST_MARKED {
                return Err(Overflow);
            }
            inner.deliveries += 1;
        }
        inner.marks.insert((channel, tag), changes.and(before.unwrap_or_default()));
        self.marked.store(inner.marks.len(), Ordering::Release);
        Ok(())
    }

    /// Counts a returned message.
    pub(super) fn returned(&self) {
        self.inner().returns += 1;
    }

    /// A channel is opened anew: what is marked on it was delivered on another of that number.
    pub(super) fn forget(&self, channel: u16) {
        if self.marked.load(Ordering::Acquire) > 0 {
            let mut inner = self.inner();
            inner.marks.retain(|(other, _), _| *other != channel);
            self.marked.store(inner.marks.len(), Ordering::Release);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Changes = Changes { text: true, depth: false, layout: false, size: false };
    const DEPTH: Changes = Changes { depth: true, text: false, layout: false, size: false };

    #[test]
    fn a_mark_is_taken_once() {
        let findings = Findings::default();
        findings.delivery(1, 7, TEXT).unwrap();
        findings.delivery(1, 7, DEPTH).unwrap();
        assert_eq!((findings.take(1, 8), findings.take(2, 7)), (None, None));
        assert_eq!(findings.take(1, 7), Some(TEXT.and(DEPTH)));
        assert_eq!(findings.take(1, 7), None);
    }

    #[test]
    fn a_new_channel_starts_without_marks() {
        let findings = Findings::default();
        findings.delivery(1, 7, TEXT).unwrap();
        findings.delivery(2, 7, TEXT).unwrap();
        findings.forget(1);
        assert_eq!((findings.take(1, 7), findings.take(2, 7)), (None, Some(TEXT)));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let findings = Findings::default();
        let tags = 0..MOST_MARKED as u64;
        tags.clone().for_each(|tag| findings.delivery(1, tag, TEXT).unwrap());
        assert_eq!(findings.delivery(1, tags.end, TEXT), Err(Overflow));
        findings.delivery(1, 3, DEPTH).unwrap();
        findings.take(1, 3).unwrap();
        findings.delivery(1, tags.end, TEXT).unwrap();
    }

    #[tokio::test]
    async fn reports_are_rare_and_complete() {
        let (findings, start) = (Findings::default(), Instant::now());
        assert_eq!(findings.report(start), None);
        findings.delivery(1, 1, TEXT).unwrap();
        assert_eq!(findings.report(start), Some(Report { deliveries: 1, returns: 0 }));
        findings.delivery(1, 2, TEXT).unwrap();
        findings.delivery(1, 2, DEPTH).unwrap();
        findings.returned();
        assert_eq!(findings.report(start + Duration::from_secs(9)), None);
        let later = start + REPORT_INTERVAL;
        assert_eq!(findings.report(later), Some(Report { deliveries: 1, returns: 1 }));
        assert_eq!(findings.report(later + REPORT_INTERVAL), None);
    }
}
