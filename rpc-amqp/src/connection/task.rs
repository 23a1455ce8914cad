//! The task of a connection: the only one that touches its socket.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use lapin::ErrorKind;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::channel::gone;
use super::heartbeat::{Beat, Heartbeat};
use super::inbox::Inbox;
use super::shared::Shared;

/// Reads in a row before others have their turn.
const MOST_READS: usize = 8;

/// The task of a connection: the only one that touches its socket.
///
/// What others have queued is written together, and what has arrived is taken in together; those who wait for it are
/// woken after the whole read, because they run on the same thread.
pub(super) struct Task<S> {
    stream: S,
    shared: Shared,
    inbox: Inbox,
    /// What is being written, from `at` on.
    writing: Vec<u8>,
    at: usize,
    /// Whether the stream may hold back what it has taken.
    is_unflushed: bool,
    heartbeat: Heartbeat,
    /// When the heartbeats are looked at.
    looks: Option<Interval>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Task<S> {
    pub(super) fn new(stream: S, shared: Shared, inbox: Inbox, heartbeat: Heartbeat) -> Self {
        let looks = heartbeat.pace().map(|pace| {
            let mut looks = tokio::time::interval_at(Instant::now() + pace, pace);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        Self { stream, shared, inbox, writing: Vec::new(), at: 0, is_unflushed: false, heartbeat, looks }
    }

    /// Runs until the connection is over. The stream is dropped with it.
    pub(super) async fn run(mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // First, so that what is queued from here on is not overlooked.
        self.shared.register(context.waker());
        if let Err(error) = self.turn(context) {
            self.shared.lock().fail(error);
        }
        if self.shared.lock().error().is_none() {
            return Poll::Pending;
        }
        // The last word, if there is one, as far as the socket takes it.
        let _ = self.write(context);
        Poll::Ready(())
    }

    fn turn(&mut self, context: &mut Context<'_>) -> lapin::Result<()> {
        // First what was queued before anybody could know that the broker is blocked. An error is found again below.
        let _ = self.write(context);
        self.read(context)?;
        self.beat(context)?;
        if let Err(error) = self.write(context) {
            // The broker may have said why before it hung up.
            self.read(context)?;
            return Err(error);
        }
        Ok(())
    }

    fn read(&mut self, context: &mut Context<'_>) -> lapin::Result<()> {
        for _ in 0..MOST_READS {
            let room = self.inbox.room();
            let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, room) else {
                return Ok(());
            };
            let count = read?;
            if count == 0 {
                return Err(gone());
            }
            self.inbox.filled(count);
            self.heartbeat.has_read(Instant::now());
            let mut state = self.shared.lock();
            while let Some(raw) = self.inbox.next()? {
                state.take(raw)?;
            }
        }
        // There may be more.
        context.waker().wake_by_ref();
        Ok(())
    }

    fn beat(&mut self, context: &mut Context<'_>) -> lapin::Result<()> {
        let Some(looks) = &mut self.looks else { return Ok(()) };
        while looks.poll_tick(context).is_ready() {
            match self.heartbeat.beat(Instant::now()) {
                Beat::Dead => return Err(ErrorKind::MissingHeartbeatError.into()),
                // What waits to be written is a sign of life, too.
                Beat::Send if self.at == self.writing.len() => {
                    let mut state = self.shared.lock();
                    if state.outbox.is_empty() {
                        state.outbox.heartbeat()?;
                    }
                }
                Beat::Send | Beat::Nothing => {}
            }
        }
        Ok(())
    }

    /// Writes what there is, as far as the socket takes it.
    fn write(&mut self, context: &mut Context<'_>) -> lapin::Result<()> {
        loop {
            match self.write_some(context) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) | Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
    }

    /// Says whether there was something.
    fn write_some(&mut self, context: &mut Context<'_>) -> Poll<lapin::Result<bool>> {
        let mut state = self.shared.lock();
        if self.at == self.writing.len() {
            (self.at, _) = (0, state.outbox.move_to(&mut self.writing));
        }
        if state.is_blocked() || self.writing.is_empty() {
            drop(state);
            if self.is_unflushed {
                ready!(Pin::new(&mut self.stream).poll_flush(context))?;
                self.is_unflushed = false;
            }
            return Poll::Ready(Ok(false));
        }
        drop(state);
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.writing[self.at..]))?;
        if count == 0 {
            return Poll::Ready(Err(gone()));
        }
        (self.at, self.is_unflushed) = (self.at + count, true);
        self.heartbeat.has_written();
        self.shared.lock().wrote(count);
        Poll::Ready(Ok(true))
    }
}

/// However the task ends, nobody waits for it any more.
impl<S> Drop for Task<S> {
    fn drop(&mut self) {
        self.shared.lock().fail(gone());
    }
}
