//! Putting a load.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::measured::{Measured, Outcome};
use super::progress::Progress;
use super::schedule::{Limits, Next, Pace, Schedule};

/// What came of a load.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) measured: Measured,
    /// From the end of the warm-up until the last call ended, or the load was interrupted.
    pub(super) elapsed: Duration,
    /// How many calls did not begin because too many were under way.
    pub(super) missed: u64,
    pub(super) interrupted: bool,
}

/// Puts a load: begins calls by `send`, which is given their numbers and says the code of their error. Ends when the limits are
/// reached and all calls have ended, or when somebody interrupts.
pub(super) async fn put(
    pace: Pace,
    limits: Limits,
    send: impl AsyncFn(u64) -> Result<(), String>,
    mut progress: Progress,
) -> Put {
    let (mut schedule, mut measured) = (Schedule::new(pace, limits), Measured::new());
    let (mut alarm, mut under_way, mut number) = (Alarm::new(), FuturesUnordered::new(), 0_u64);
    let mut ticks = interval(Progress::INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let start = Instant::now();
    let mut interrupted = false;
    let mut last = start;
    let missed = loop {
        let is_done = match schedule.next(start.elapsed(), under_way.len()) {
            Next::Begin { intended, is_measured } => {
                under_way.push(timed(&send, number, start + intended, is_measured));
                number += 1;
                continue;
            }
            Next::Wait(until) => {
                // Without a time it waits for calls that are under way, and those have deadlines.
                if let Some(until) = until {
                    alarm.set(start + until);
                }
                false
            }
            Next::Done => true,
        };
        if is_done && under_way.is_empty() {
            break schedule.missed(start.elapsed());
        }
        tokio::select! {
            Some(outcome) = under_way.next(), if !under_way.is_empty() => {
                last = Instant::now();
                measured.record(outcome);
            }
            // Without a handler for the signal there is nothing to wait for.
            Ok(()) = &mut interrupt => {
                interrupted = true;
                last = Instant::now();
                break schedule.missed(start.elapsed());
            }
            () = alarm.rings(), if !is_done => {}
            _ = ticks.tick(), if progress.is_shown() => {
                progress.show(schedule.progress(start.elapsed()), &measured);
            }
        }
    };
    progress.clear();
    let elapsed = last.saturating_duration_since(start).saturating_sub(limits.warm_up);
    Put { measured, elapsed, missed, interrupted }
}

async fn timed(
    send: &impl AsyncFn(u64) -> Result<(), String>,
    number: u64,
    intended: Instant,
    is_measured: bool,
) -> Outcome {
    let late = intended.elapsed();
    let error = send(number).await.err();
    Outcome { is_measured, latency: intended.elapsed(), late, error }
}

/// Rings at a time, to some 100 µs: the timers of the runtime count whole milliseconds, which at a thousand calls in a second
/// would be seen in every latency.
struct Alarm {
    set: Option<Instant>,
    thread: SyncSender<Instant>,
    rings: Arc<Notify>,
}

impl Alarm {
    fn new() -> Self {
        let (thread, times) = sync_channel::<Instant>(2);
        let rings = Arc::new(Notify::new());
        let bell = Arc::clone(&rings);
        // It ends with this, after the last time that it was set to.
        std::thread::spawn(move || {
            for time in times {
                std::thread::sleep(time.saturating_duration_since(Instant::now()));
                bell.notify_one();
            }
        });
        Self { set: None, thread, rings }
    }

    /// Rings at `time`; one that was set before may ring, too.
    fn set(&mut self, time: Instant) {
        if self.set != Some(time) {
            // A later one is set when its predecessor has passed, so the thread never sleeps beyond the earliest. Should it not
            // have room, it is about to ring, and this is tried again.
            self.set = self.thread.try_send(time).ok().map(|()| time);
        }
    }

    async fn rings(&mut self) {
        self.rings.notified().await;
        self.set = None;
    }
}
