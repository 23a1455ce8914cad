//! The task that publishes, over all epochs.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::asking::Asking;
use super::intake::Intake;
use super::lane::{Ended, Lane};
use super::not_connected;
use super::slot::Slot;
use crate::library::watch;
use crate::link::{Backoff, Session, View};

/// The task that publishes. Per epoch it opens a channel and serves it until one of them ends.
pub(super) struct Actor {
    pub(super) slots: Intake,
    /// Taken from `slots` and not handed over; first in the next turn.
    pub(super) returned: VecDeque<Slot>,
    pub(super) view: watch::Receiver<View>,
    pub(super) closing: CancellationToken,
    pub(super) aborted: CancellationToken,
}

impl Actor {
    pub(super) fn new(
        slots: Intake,
        view: watch::Receiver<View>,
        closing: CancellationToken,
        aborted: CancellationToken,
    ) -> Self {
        Self { slots, returned: VecDeque::new(), view, closing, aborted }
    }

    /// Whether no message waits to be handed over.
    pub(super) fn is_idle(&self) -> bool {
        self.returned.is_empty() && self.slots.is_empty()
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        while let Some(session) = self.next_session().await {
            let ended = match Lane::open(Arc::clone(&session), Asking::new(session, self.view.clone())).await
            {
                Ok(lane) => {
                    backoff.reset();
                    lane.serve(&mut self).await
                }
                Err(refusal) => {
                    tracing::warn!(cause = %refusal.text, "cannot open a channel to publish");
                    Ended::Lost
                }
            };
            if ended == Ended::Done {
                break;
            }
            tokio::time::sleep(backoff.after_failure()).await;
        }
        // Callers see their message come back unsent, or their outcome dropped.
    }

    /// The next epoch that takes messages; `None` when there is nothing left to do.
    async fn next_session(&mut self) -> Option<Arc<Session>> {
        loop {
            let view = self.view.borrow_and_update().clone();
            if view.closed || self.aborted.is_cancelled() {
                return None;
            }
            if let Some(session) = view.open() {
                return Some(Arc::clone(session));
            }
            let refusal = view.refusal();
            if let Some(refusal) = refusal {
                self.returned.drain(..).for_each(|slot| slot.refuse(not_connected(refusal)));
            }
            if self.closing.is_cancelled() && self.is_idle() {
                return None;
            }
            tokio::select! {
                biased;
                changed = self.view.changed() => changed.ok()?,
                // Those who came before the refusal was known; whoever comes later is told at the door.
                Some(slot) = self.slots.recv(), if refusal.is_some() => {
                    if let Some(refusal) = refusal {
                        slot.refuse(not_connected(refusal));
                    }
                }
                () = self.closing.cancelled(), if !self.closing.is_cancelled() => {}
                () = self.aborted.cancelled() => return None,
            }
        }
    }
}
