//! Waiting for callers who are away for a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gone::GoneAddresses;
use super::worker::Worker;
use crate::deadline::Deadline;
use crate::reply_address::ReplyAddress;
use crate::transport::Acknowledger;

/// Decides which replies are sent again whose caller was not there, and when.
///
/// Each waits by itself, so none waits behind another; there are at most [`MOST`](Self::MOST) of them, beside the workers.
/// Those whose requests are settled only afterwards take half of the prefetch at most, or the requests of one client
/// that is gone would leave no place for anybody else's.
#[derive(Debug)]
pub(super) struct Patience {
    places: Arc<Semaphore>,
    /// Of those, for the ones that keep their requests.
    unsettled_places: Arc<Semaphore>,
    gone: Mutex<GoneAddresses>,
    /// Whether `gone` holds any, so that a reply that arrives need not look. Written under its lock.
    any_gone: AtomicBool,
    kill: CancellationToken,
}

/// A reply that waits for its caller, until the deadline of the call or a minute at most.
#[derive(Debug)]
pub(super) struct Waiting {
    _place: OwnedSemaphorePermit,
    /// As long as the request is not settled.
    _unsettled: Option<OwnedSemaphorePermit>,
    until: Deadline,
    pause: Duration,
}

/// What a reply that may wait gives up, and what it keeps.
#[derive(Debug)]
pub(super) struct MayWait<'a> {
    /// Released before the first wait, if there is one still.
    pub(super) worker: Option<&'a mut Worker>,
    pub(super) deadline: Option<Deadline>,
    /// The request, if it is settled only after the reply: until then it takes a place of the prefetch. It is settled
    /// before a wait for which there is no such place; the reply then waits like those of other calls, and is lost with
    /// the server.
    pub(super) request: &'a mut Option<Acknowledger>,
}

/// What comes after a wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Try,
    GiveUp,
    /// The server ends.
    Killed,
}

impl Patience {
    /// How many replies wait for callers who are away.
    const MOST: usize = 256;
    const LONGEST: Duration = Duration::from_secs(60);
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const LONGEST_PAUSE: Duration = Duration::from_secs(2);
    /// How often a reply is sent again that the broker refuses. In between a queue may get room, or another leader.
    const MOST_REFUSALS: u32 = 20;
    const REFUSAL_PAUSE: Duration = Duration::from_millis(100);

    /// Of a server that takes at most `prefetch` requests which are not settled.
    pub(super) fn new(prefetch: u16, kill: CancellationToken) -> Self {
        Self {
            places: Arc::new(Semaphore::new(Self::MOST)),
            unsettled_places: Arc::new(Semaphore::new(usize::from(prefetch / 2))),
            gone: Mutex::default(),
            any_gone: AtomicBool::new(false),
            kill,
        }
    }

    /// Somebody was at `address`.
    pub(super) fn reached(&self, address: &ReplyAddress) {
        if self.misses_anybody() {
            self.with_gone(|gone| gone.reached(address));
        }
    }

    /// Whether nobody was at one of the addresses a while ago.
    pub(super) fn misses_anybody(&self) -> bool {
        self.any_gone.load(Ordering::Relaxed)
    }

    /// Nobody was at `address`. Waits a little, if it is worth it.
    pub(super) async fn after_unroutable(
        &self,
        address: &ReplyAddress,
        may_wait: Option<&mut MayWait<'_>>,
        waiting: &mut Option<Waiting>,
    ) -> Next {
        let is_dead = self.with_gone(|gone| gone.unroutable(Instant::now(), address));
        let Some(may_wait) = may_wait else { return Next::GiveUp };
        // What waits already goes on to its end, unless it keeps others from being served.
        let is_late = waiting.is_none() || may_wait.request.is_some() || self.places.available_permits() == 0;
        if is_dead && is_late {
            return Next::GiveUp;
        }
        if waiting.is_none() {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Next::GiveUp };
            if let Some(worker) = &mut may_wait.worker {
                worker.release();
            }
            let unsettled = may_wait
                .request
                .as_ref()
                .and_then(|_| Arc::clone(&self.unsettled_places).try_acquire_owned().ok());
            if unsettled.is_none() {
                drop(may_wait.request.take().map(Acknowledger::ack));
            }
            let until = Deadline::after(Self::LONGEST).earlier(may_wait.deadline);
            *waiting =
                Some(Waiting { _place: place, _unsettled: unsettled, until, pause: Self::FIRST_PAUSE });
        }
        let Some(Waiting { until, pause, .. }) = waiting else { return Next::GiveUp };
        let now = (*pause).min(until.remaining());
        *pause = (2 * *pause).min(Self::LONGEST_PAUSE);
        match self.kill.run_until_cancelled(tokio::time::sleep(now)).await {
            None => Next::Killed,
            Some(()) if until.has_passed() => Next::GiveUp,
            Some(()) => Next::Try,
        }
    }

    /// The broker would not take a reply, for which this was the `refusal`th time.
    pub(super) async fn after_refusal(&self, refusal: u32) -> Next {
        if refusal > Self::MOST_REFUSALS {
            return Next::GiveUp;
        }
        match self.kill.run_until_cancelled(tokio::time::sleep(Self::REFUSAL_PAUSE)).await {
            None => Next::Killed,
            Some(()) => Next::Try,
        }
    }

    fn with_gone<T>(&self, work: impl FnOnce(&mut GoneAddresses) -> T) -> T {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut gone);
        self.any_gone.store(!gone.is_empty(), Ordering::Relaxed);
        done
    }
}
