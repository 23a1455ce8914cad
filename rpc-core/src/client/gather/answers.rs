//! Answers as they come.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::progress::Progress;
use crate::client::call::ReadReply;
use crate::client::outgoing::Ready;
use crate::client::replies::Slot;
use crate::client::waiter::Received;
use crate::error::{CallError, Error};
use crate::message::Reply;

/// What one server answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer<T, E> {
    /// The server's name; `None` on a wire that does not say it, and for an error that no server sent.
    pub server: Option<String>,
    /// The method's result, its own error, or why there is neither.
    pub result: Result<T, CallError<E>>,
}

/// The answers to a [`Gather`](super::Gather), in the order in which they come.
///
/// Each server's answer comes once. A server that cannot run the method answers, too, with an error that says why.
#[must_use = "answers come only when they are asked for"]
pub struct Answers<T, E> {
    ready: Ready,
    open: Option<Open>,
    progress: Progress,
    read: ReadReply<T, E>,
}

/// The place in the reply table and what comes there. Dropped at the end, so that nothing is kept for answers that are late.
struct Open {
    _slot: Slot,
    replies: mpsc::Receiver<Received>,
}

impl<T, E> Answers<T, E> {
    pub(super) fn new(
        ready: Ready,
        (slot, replies): (Slot, mpsc::Receiver<Received>),
        progress: Progress,
        read: ReadReply<T, E>,
    ) -> Self {
        Self { ready, open: Some(Open { _slot: slot, replies }), progress, read }
    }

    /// The next answer; `None` when all that were expected are there, when the deadline has passed, and after the
    /// transport was closed, which an answer with that error tells before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Answer<T, E>> {
        loop {
            if self.progress.is_complete() {
                self.open = None;
            }
            let replies = &mut self.open.as_mut()?.replies;
            // What is there already is taken even after the deadline.
            let received = timeout_at(self.ready.deadline.instant(), replies.recv()).await.ok().flatten();
            let Some(received) = received else {
                self.open = None;
                return None;
            };
            let Ok(reply) = &received else {
                self.progress.answered_by_nobody();
                return received.err().map(|error| self.failed(error));
            };
            if self.progress.answered(&reply.message_id, reply.server.as_deref()) {
                return received.ok().map(|reply| self.answer(reply));
            }
        }
    }

    /// All answers that have not been read yet, when there will be no more. They are kept in memory for that, 10,000 at
    /// most.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answers.
    pub async fn all(mut self) -> Vec<Answer<T, E>> {
        let mut all = Vec::new();
        while let Some(answer) = self.next().await {
            all.push(answer);
        }
        all
    }

    /// How many answers have been read.
    #[must_use]
    pub const fn answered(&self) -> usize {
        self.progress.count()
    }

    /// Which of [`Gather::expected_servers`](super::Gather::expected_servers) have not answered yet, in alphabetical
    /// order.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.progress.missing()
    }

    fn answer(&self, reply: Arc<Reply>) -> Answer<T, E> {
        let server = reply.server.as_deref().map(str::to_owned);
        let limit = self.ready.transport.capabilities().max_message_size;
        let result = (self.read)(Arc::unwrap_or_clone(reply), limit).map_err(|error| match error {
            CallError::Service(error) => CallError::Service(error),
            CallError::Rpc(error) => CallError::Rpc(self.ready.name(error)),
        });
        Answer { server, result }
    }

    fn failed(&self, error: Error) -> Answer<T, E> {
        Answer { server: None, result: Err(CallError::Rpc(self.ready.name(error))) }
    }
}

impl<T, E> fmt::Debug for Answers<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answers").field("progress", &self.progress).finish_non_exhaustive()
    }
}
