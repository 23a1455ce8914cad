//! Sends events while the service goes on.

mod queue;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::queue::{Put, Queue};
use crate::deadline::Deadline;
use crate::driver::Emission;
use crate::error::{Code, Error, Executed, Phase};
use crate::rejections::Rejections;

/// Sends events while the service goes on: a bounded queue, and a task that empties it, many events at a time.
///
/// A [`Notifier`](crate::Notifier) that is given one ([`Notifier::background`](crate::Notifier::background)) puts its events
/// there; `Ok` then means no more than that. What becomes of them shows in [`counts`](Background::counts) and in the log.
/// Several notifiers can share one. Cheap to clone; when nobody holds it any more, it sends what it has and ends. A program
/// that ends before that loses events, so [`shutdown`](Background::shutdown) comes first.
///
/// Events are handed to the drivers in the order in which they came, up to [`BackgroundBuilder::in_flight`] at a time; one
/// that has to be tried again is overtaken.
///
/// ```
/// # use std::time::Duration;
/// # use rpc_core::{Background, MemoryTransport, Notifier, WhenFull};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let transport = MemoryTransport::new();
/// let background = Background::builder().capacity(10_000).when_full(WhenFull::DropOldest).start();
/// let notifier = Notifier::new(&transport, "conductor.cell-1").background(&background);
/// notifier.enqueue(rpc_core::Priority::Info, "node.power_set", &("node-7", true))?;
///
/// assert_eq!(background.shutdown(Duration::from_secs(5)).await, 0, "every event was sent");
/// assert_eq!(background.counts().sent, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Background {
    owner: Arc<Owner>,
}

/// What is done with an event for which there is no room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is dropped, and whoever emits it is told: [`Code::Overloaded`], not sent. The default.
    #[default]
    DropNewest,
    /// The event that has waited longest is dropped instead, and nobody is told.
    DropOldest,
    /// Whoever emits it waits for room, at most as long as the notifier waits for a broker
    /// ([`Notifier::timeout`](crate::Notifier::timeout)).
    Wait,
}

/// Makes a [`Background`].
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is sent before it is started"]
pub struct BackgroundBuilder {
    capacity: usize,
    most_bytes: usize,
    in_flight: usize,
    when_full: WhenFull,
}

/// What became of the events of a [`Background`] so far. Every event is counted in exactly one place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BackgroundCounts {
    /// Waiting to be sent.
    pub waiting: usize,
    /// Being sent.
    pub in_flight: usize,
    /// Taken by all drivers.
    pub sent: u64,
    /// Not taken by a driver, after all attempts. The log tells of them at most every ten seconds.
    pub failed: u64,
    /// Dropped because there was no room, or given up at the end.
    pub dropped: u64,
}

struct Shared {
    queue: Mutex<Queue<Emission>>,
    /// Something waits. One permit is kept, so none is missed between a look and a wait.
    work: Notify,
    /// There is room for one more.
    room: Notify,
    /// An event has ended.
    progress: Notify,
    when_full: WhenFull,
    /// An outage fails many, so not each is worth a line.
    failures: Rejections,
}

/// Ends the task with the last handle and the last event.
struct Owner {
    shared: Arc<Shared>,
    kill: CancellationToken,
}

impl BackgroundBuilder {
    /// Holds at most this many events that wait, 0 counting as 1. Default: 4,096.
    pub const fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// Holds at most this many bytes of events that wait; a single one may be larger. Default: 16 MiB.
    pub const fn most_bytes(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Sends at most this many at a time, 0 counting as 1. Default: 256, so that a broker confirms many in one round trip.
    pub const fn in_flight(mut self, events: usize) -> Self {
        self.in_flight = events;
        self
    }

    /// Says what is done when there is no room. Default: [`WhenFull::DropNewest`].
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Starts to send, in a task on the running tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    #[must_use]
    pub fn start(self) -> Background {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(self.capacity, self.most_bytes)),
            work: Notify::new(),
            room: Notify::new(),
            progress: Notify::new(),
            when_full: self.when_full,
            failures: Rejections::default(),
        });
        let kill = CancellationToken::new();
        tokio::spawn(run(Arc::clone(&shared), kill.clone(), self.in_flight.max(1)));
        Background { owner: Arc::new(Owner { shared, kill }) }
    }
}

impl Background {
    /// A background with the default bounds.
    pub const fn builder() -> BackgroundBuilder {
        BackgroundBuilder {
            capacity: 4_096,
            most_bytes: 16 * 1_024 * 1_024,
            in_flight: 256,
            when_full: WhenFull::DropNewest,
        }
    }

    /// What became of the events so far.
    #[must_use]
    pub fn counts(&self) -> BackgroundCounts {
        self.with_queue(|queue| BackgroundCounts {
            waiting: queue.waiting(),
            in_flight: queue.in_flight(),
            sent: queue.sent,
            failed: queue.failed,
            dropped: queue.dropped,
        })
    }

    /// Waits at most `limit` until every event that was put in before has ended, and says how many have not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the wait and nothing else.
    #[must_use = "events may be left"]
    pub async fn flush(&self, limit: Duration) -> usize {
        let until = self.with_queue(|queue| queue.next());
        let done = async {
            loop {
                let mut progress = pin!(self.owner.shared.progress.notified());
                // Before the look: what ends between look and wait is heard of.
                progress.as_mut().enable();
                if self.with_queue(|queue| queue.pending_before(until)) == 0 {
                    return;
                }
                progress.await;
            }
        };
        // What is left tells more than whether time ran out.
        let _ = tokio::time::timeout(limit, done).await;
        self.with_queue(|queue| queue.pending_before(until))
    }

    /// Takes nothing more in, waits at most `limit` until all events have ended, gives up the rest, and says how many those
    /// were. They are counted as dropped; a broker may have those that were being sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the queue closed, and events are still sent from it.
    #[must_use = "events may be lost"]
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.with_queue(Queue::close);
        self.owner.shared.room.notify_waiters();
        let _ = self.flush(limit).await;
        self.owner.kill.cancel();
        // Dropped outside of the lock, with what their drivers do then.
        let (count, given_up) = self.with_queue(Queue::give_up);
        drop(given_up);
        count
    }

    /// Puts an event in, without waiting.
    pub(super) fn enqueue(&self, emission: Emission) -> Result<(), Error> {
        match self.owner.shared.put(emission) {
            Put::Waits => Ok(()),
            Put::Full(emission) => {
                self.with_queue(|queue| queue.dropped += 1);
                Err(no_room(&emission))
            }
            Put::Dropped(emission) => Err(no_room(&emission)),
            Put::Closed(emission) => Err(closed(&emission)),
        }
    }

    /// Puts an event in, and waits for room if it is told to.
    pub(super) async fn put(&self, mut emission: Emission) -> Result<(), Error> {
        let deadline = Deadline::after(emission.timeout());
        loop {
            let mut room = pin!(self.owner.shared.room.notified());
            // Before the look, as in `flush`.
            room.as_mut().enable();
            emission = match self.owner.shared.put(emission) {
                Put::Full(emission) => emission,
                Put::Waits => return Ok(()),
                Put::Dropped(emission) => return Err(no_room(&emission)),
                Put::Closed(emission) => return Err(closed(&emission)),
            };
            if tokio::time::timeout_at(deadline.instant(), room).await.is_err() {
                return self.enqueue(emission);
            }
        }
    }

    fn with_queue<R>(&self, work: impl FnOnce(&mut Queue<Emission>) -> R) -> R {
        self.owner.shared.with_queue(work)
    }
}

impl Shared {
    fn put(&self, emission: Emission) -> Put<Emission> {
        let size = emission.size();
        let mut displaced = Vec::new();
        let put = self.with_queue(|queue| queue.put(emission, size, self.when_full, &mut displaced));
        // Outside of the lock: with its last event a driver may end, and log, and so come back here.
        drop(displaced);
        if matches!(put, Put::Waits) {
            self.work.notify_one();
        }
        put
    }

    fn take(&self) -> Option<(u64, Emission)> {
        let taken = self.with_queue(Queue::take)?;
        // One is enough: whoever is woken and does not fit waits for the next that is taken, and an empty queue fits all.
        self.room.notify_one();
        Some(taken)
    }

    async fn send(&self, number: u64, emission: Emission) {
        let outcome = emission.deliver().await;
        if let Err(error) = &outcome
            && let Some(count) = self.failures.rejected(Instant::now())
        {
            let event_type = &emission.message().event_type;
            tracing::warn!(%event_type, %error, count, "events were not sent from the background, the last of them for this reason");
        }
        self.with_queue(|queue| queue.ended(number, outcome.is_ok()));
        self.progress.notify_waiters();
    }

    /// Nothing that runs under this lock calls code that could panic or wait.
    fn with_queue<R>(&self, work: impl FnOnce(&mut Queue<Emission>) -> R) -> R {
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends what waits until it is killed.
async fn run(shared: Arc<Shared>, kill: CancellationToken, most: usize) {
    let mut sending = FuturesUnordered::new();
    loop {
        while sending.len() < most {
            let Some((number, emission)) = shared.take() else { break };
            sending.push(shared.send(number, emission));
        }
        tokio::select! {
            biased;
            () = kill.cancelled() => return,
            Some(()) = sending.next() => {}
            () = shared.work.notified(), if sending.len() < most => {}
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Nothing is left to be sent: every event holds its notifier, and with it the background.
        self.kill.cancel();
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Background").field(&self.counts()).finish()
    }
}

fn refusal(code: Code, message: &str, emission: &Emission) -> Error {
    emission.blame(Error::new(code, message).with_executed(Executed::NotSent).with_phase(Phase::Publish))
}

fn no_room(emission: &Emission) -> Error {
    let message = "the background is full: events come faster than the broker takes them";
    refusal(Code::Overloaded, message, emission)
}

fn closed(emission: &Emission) -> Error {
    refusal(Code::Unavailable, "the background was shut down", emission).with_retryable(false)
}
