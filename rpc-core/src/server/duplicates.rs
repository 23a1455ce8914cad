//! A message that comes twice.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dedupe::{Arrival, Dedupe, Limits};
use crate::message::{Outcome, Request};

/// Knows the requests that run here or ran here a short while ago, and tells a second copy what became of the first.
#[derive(Clone, Debug)]
pub(super) struct Duplicates(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    dedupe: Mutex<Dedupe<oneshot::Sender<()>, Outcome>>,
    hashers: [RandomState; 2],
}

/// What a request finds.
pub(super) enum Found {
    /// No other copy: it runs, and says through this how it ended.
    First(Running),
    /// A copy that runs, and its end for one that waits.
    Runs(Option<End>),
    /// A copy that ran. Its outcome may not be known any more.
    Ran(Option<Outcome>),
}

/// A request that runs. Dropping it says that it has not ended well, so that another copy may run.
#[derive(Debug)]
pub(super) struct Running(Option<(Arc<Known>, u128)>);

/// The end of a copy that runs.
#[derive(Debug)]
pub(super) struct End(oneshot::Receiver<()>);

impl Duplicates {
    /// The bytes of replies that are kept.
    const MOST_BYTES: usize = 16 * 1_024 * 1_024;

    /// Remembers at most so many requests, each for so long after its end; 0 of either remembers none.
    pub(super) fn new(window: Duration, most: usize) -> Self {
        Self((!window.is_zero() && most > 0).then(|| {
            Arc::new(Known {
                dedupe: Mutex::new(Dedupe::new(Limits { window, most, most_bytes: Self::MOST_BYTES })),
                hashers: [RandomState::new(), RandomState::new()],
            })
        }))
    }

    /// Looks for another copy of `request`. One whose outcome is lost runs `again`, or not; one that runs is waited for, or
    /// not.
    pub(super) fn find(&self, request: &Request, again: bool, waits: bool) -> Found {
        let Some(known) = &self.0 else { return Found::First(Running(None)) };
        let key = known.key(request);
        let mut end = None;
        let arrival = known.dedupe().arrive(Instant::now(), key, again, || {
            waits.then(|| {
                let (sender, receiver) = oneshot::channel();
                end = Some(End(receiver));
                sender
            })
        });
        match arrival {
            Arrival::First => Found::First(Running(Some((Arc::clone(known), key)))),
            Arrival::Runs => Found::Runs(end),
            Arrival::Ran(outcome) => Found::Ran(outcome),
        }
    }
}

impl Known {
    /// A message id alone would not do: it is the sender's word, and whoever repeated somebody else's would be answered
    /// with what is not his. Both halves are hashed with keys of this process, so nobody can aim at another's.
    fn key(&self, request: &Request) -> u128 {
        let address = request
            .reply_to
            .as_ref()
            .map(|(address, correlation_id)| (address.as_str(), correlation_id.as_str()));
        let what = (request.message_id.as_str(), address, request.namespace.as_deref(), &*request.method);
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(what)));
        high << 64 | low
    }

    /// Nothing that runs under this lock can panic or wait.
    fn dedupe(&self) -> MutexGuard<'_, Dedupe<oneshot::Sender<()>, Outcome>> {
        self.dedupe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// It has ended, and other copies are answered with `outcome` for as long as that is kept. Those that wait are
    /// `settled` as it was, or otherwise look again.
    pub(super) fn ended(mut self, outcome: Option<Outcome>, settled: bool) {
        let Some((known, key)) = self.0.take() else { return };
        let outcome = outcome.map(|outcome| {
            let size = size(&outcome);
            (outcome, size)
        });
        let waiting = known.dedupe().end(Instant::now(), key, outcome);
        if settled {
            // One that is gone has been given back.
            for waiter in waiting {
                let _ = waiter.send(());
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((known, key)) = self.0.take() {
            drop(known.dedupe().forget(key));
        }
    }
}

impl End {
    /// Waits for the end; `true` when this copy is settled with it, `false` when it has to look again.
    pub(super) async fn wait(self) -> bool {
        self.0.await.is_ok()
    }
}

fn size(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Success(payload) => payload.body.len(),
        Outcome::Failure(failure) => failure.message.len() + failure.data.body.len(),
    }
}
