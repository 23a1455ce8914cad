//! A message that comes twice.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dedupe::{Arrival, Dedupe, Limits};
use crate::message::{Failure, Outcome, Request};
use crate::payload::Payload;

/// Knows the requests that run here or ran here a short while ago, and tells a second copy what became of the first.
#[derive(Clone, Debug)]
pub(super) struct Duplicates(Option<Arc<Known>>);

#[derive(Debug)]
struct Known {
    dedupe: Mutex<Dedupe<oneshot::Sender<()>, Kept>>,
    hasher: RandomState,
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
    /// The replies that are kept, fewer than the requests that are remembered: what a link took with it comes again soon
    /// after, and memory that is not touched again for long costs every call.
    const MOST_REPLIES: usize = 4_096;
    const MOST_BYTES: usize = 16 * 1_024 * 1_024;

    /// Remembers at most so many requests, each for so long after its end; 0 of either remembers none.
    pub(super) fn new(window: Duration, most: usize) -> Self {
        Self((!window.is_zero() && most > 0).then(|| {
            let limits =
                Limits { window, most, most_replies: Self::MOST_REPLIES, most_bytes: Self::MOST_BYTES };
            Arc::new(Known { dedupe: Mutex::new(Dedupe::new(limits)), hasher: RandomState::new() })
        }))
    }

    /// Looks for another copy of `request`. One whose outcome is lost runs `again`, or not; one that runs is waited for, or
    /// not.
    pub(super) fn find(&self, request: &Request, again: bool, waits: bool) -> Found {
        let Some(known) = &self.0 else { return Found::First(Running(None)) };
        let key = known.key(request);
        let mut end = None;
        let arrival = known.dedupe().arrive(Instant::now, key, again, || {
            waits.then(|| {
                let (sender, receiver) = oneshot::channel();
                end = Some(End(receiver));
                sender
            })
        });
        match arrival {
            Arrival::First => Found::First(Running(Some((Arc::clone(known), key)))),
            Arrival::Runs => Found::Runs(end),
            Arrival::Ran(kept) => Found::Ran(kept.map(Outcome::from)),
        }
    }
}

impl Known {
    /// A message id alone would not do: it is the sender's word, and whoever repeated somebody else's would be answered
    /// with what is not his. One half is hashed with a key of this process, so nobody can aim at another's; the other is
    /// made of the id, which is random unless its sender wants it otherwise, so that chance has no way either.
    fn key(&self, request: &Request) -> u128 {
        let (address, correlation_id) = request
            .reply_to
            .as_ref()
            .map_or(("", &[][..]), |(address, correlation_id)| (address.as_str(), correlation_id.as_bytes()));
        let id = request.message_id.as_bytes();
        let mut hasher = self.hasher.build_hasher();
        for part in [
            id,
            address.as_bytes(),
            correlation_id,
            request.namespace.as_deref().unwrap_or("").as_bytes(),
            request.method.as_bytes(),
        ] {
            hasher.write(part);
            // In no text, so that no two rows of parts look alike.
            hasher.write_u8(0xff);
        }
        let folded = id.chunks(8).fold(0_u64, |folded, bytes| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            // The digits of our ids differ in four bits of each byte.
            folded.rotate_left(4) ^ u64::from_le_bytes(word)
        });
        u128::from(hasher.finish()) << 64 | u128::from(folded)
    }

    /// Nothing that runs under this lock can panic or wait.
    fn dedupe(&self) -> MutexGuard<'_, Dedupe<oneshot::Sender<()>, Kept>> {
        self.dedupe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// It has ended, and other copies are answered with `outcome` for as long as that is kept. Those that wait are
    /// `settled` as it was, or otherwise look again.
    pub(super) fn ended(mut self, outcome: Option<Outcome>, settled: bool) {
        let Some((known, key)) = self.0.take() else { return };
        let outcome = outcome.map(|outcome| {
            let kept = Kept::from(outcome);
            let size = kept.size();
            (kept, size)
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

/// An outcome, made small: most are successes, and all lie side by side.
#[derive(Clone, Debug)]
enum Kept {
    Success(Payload),
    Failure(Box<Failure>),
}

impl Kept {
    fn size(&self) -> usize {
        match self {
            Self::Success(payload) => payload.body.len(),
            Self::Failure(failure) => failure.message.len() + failure.data.body.len(),
        }
    }
}

impl From<Outcome> for Kept {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success(payload) => Self::Success(payload),
            Outcome::Failure(failure) => Self::Failure(Box::new(failure)),
        }
    }
}

impl From<Kept> for Outcome {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Success(payload) => Self::Success(payload),
            Kept::Failure(failure) => Self::Failure(*failure),
        }
    }
}
