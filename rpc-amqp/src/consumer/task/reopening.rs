//! The way from a lost channel to the next one.

use std::sync::Arc;

use rpc_core::Position;
use rpc_core::transport::{ConsumerReporter, ConsumerStatus, Source};

use super::{FINAL_WAIT, Task};
use crate::consumer::opened::Opened;
use crate::consumer::{Resources, patience};
use crate::declare;
use crate::link::{Backoff, Refusal, RefusalKind, Session};
use crate::topology::Plan;

/// The way from a lost channel to the next one.
pub(super) struct Reopening {
    resources: Resources,
    source: Source,
    prefetch: u16,
    status: Arc<ConsumerReporter>,
    /// The epoch that was tried last.
    session: Arc<Session>,
    /// Whether it is known that the queue outlived the way into this epoch.
    is_checked: bool,
    /// Where each queue has to be read on, if it is a stream that was read.
    pub(super) resume: Vec<Option<u64>>,
    /// Which queues were found gone on the way.
    pub(super) made_anew: Vec<usize>,
    pub(super) backoff: Backoff,
}

impl Reopening {
    pub(super) fn new(task: &Task, session: Arc<Session>) -> Self {
        Self {
            resources: task.resources.clone(),
            source: task.source.clone(),
            prefetch: task.prefetch,
            status: Arc::clone(&task.status),
            session,
            is_checked: true,
            resume: Vec::new(),
            made_anew: Vec::new(),
            backoff: Backoff::default(),
        }
    }

    /// The next channel; `None` when the link is closed for good, and when replies need a queue of another name.
    ///
    /// Dropping the future leaves nothing behind but a channel, which the broker takes for closed.
    pub(super) async fn run(&mut self) -> Option<Opened> {
        let mut view = self.resources.link.watch();
        loop {
            tokio::time::sleep(self.backoff.after_failure()).await;
            let now = view.wait_for(|view| view.closed || view.session.is_some()).await.ok()?.clone();
            let session = now.session.filter(|_| !now.closed)?;
            if session.is_over() {
                view.changed().await.ok()?;
                continue;
            }
            match self.open(session).await {
                Ok(opened) => {
                    tracing::info!(source = %self.source, "a consumer is back");
                    if let Some(queue) = &opened.taken_queue {
                        // It may be what is left of the lost link, and refusing to go on would cost more than sharing with that.
                        tracing::warn!(queue, "a queue of this process has another consumer");
                    }
                    return Some(opened);
                }
                Err(refusal) => {
                    tracing::warn!(source = %self.source, cause = %refusal.text, "cannot consume again");
                    self.status.update(|status| status.degraded(refusal.text.as_str()));
                    // The name belongs to a node that may be away for long. Any other name is as good for replies.
                    if matches!(self.source, Source::Replies(_)) && refusal.kind == RefusalKind::NodeDown {
                        return None;
                    }
                    if refusal.is_final() {
                        tokio::time::sleep(FINAL_WAIT).await;
                    }
                }
            }
        }
    }

    async fn open(&mut self, session: Arc<Session>) -> Result<Opened, Refusal> {
        let mut plan = self.resources.plan(&self.source).map_err(|error| Refusal::lost(error.message()))?;
        if !Arc::ptr_eq(&session, &self.session) {
            self.session = Arc::clone(&session);
            // The link has its own pauses between epochs; those of this consumer are for its channel.
            self.backoff.reset();
            // Within an epoch no reply is missed: what the queue held when it was deleted had been sent to us. It is while
            // we are away that a queue can go with what it holds. A stream that was made anew counts from 0 again, and reading on
            // where the old one was would pass over its beginning.
            let is_stream = plan.queues.iter().any(|queue| queue.stream.is_some());
            self.is_checked = !(plan.replies || is_stream);
        }
        if !self.is_checked {
            let gone = self.gone(&session, &plan).await?;
            if !gone.is_empty() {
                // Said before the queue is there again, so that nobody who sends afterwards takes it for theirs.
                self.status.update(ConsumerStatus::after_loss);
            }
            for queue in gone {
                // A stream counts from 0 again.
                self.resume[queue] = Some(0);
                self.made_anew.push(queue);
            }
            self.is_checked = true;
        }
        for (queue, offset) in plan.queues.iter_mut().zip(&self.resume) {
            if let (Some(position), Some(offset)) = (&mut queue.stream, offset) {
                *position = Position::Offset(*offset);
            }
        }
        Opened::open(session, plan, self.prefetch, patience(&self.backoff)).await
    }

    /// The queues that are not there any more.
    async fn gone(&self, session: &Session, plan: &Plan) -> Result<Vec<usize>, Refusal> {
        let mut gone = Vec::new();
        for (index, queue) in plan.queues.iter().enumerate() {
            // A channel for each, since a broker closes it when there is no such queue.
            let channel = session.channel().await?;
            if !session.judged(declare::exists(&channel, &queue.name).await)? {
                tracing::warn!(queue = queue.name, "a queue is gone, with the messages that it held");
                gone.push(index);
            }
        }
        Ok(gone)
    }
}
