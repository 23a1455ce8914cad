//! Messages on their way from their callers to the task that publishes.
//!
//! Calls and replies, for which somebody waits, have a queue of their own: after an outage thousands of casts and events
//! can be in front of them. Three batches in four are filled from it first, and every fourth from the other, so that
//! neither keeps the other from being sent.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::slot::Slot;

/// Every so many batches the others come first.
const TURNS: u8 = 4;

/// Where callers put their messages. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door {
    awaited: mpsc::Sender<Slot>,
    others: mpsc::Sender<Slot>,
}

/// Where the task that publishes takes them.
pub(super) struct Intake {
    awaited: mpsc::Receiver<Slot>,
    others: mpsc::Receiver<Slot>,
    turn: u8,
}

/// Both ends of two queues of this length.
pub(super) fn intake(length: usize) -> (Door, Intake) {
    let (awaited, awaited_slots) = mpsc::channel(length);
    let (others, other_slots) = mpsc::channel(length);
    (Door { awaited, others }, Intake { awaited: awaited_slots, others: other_slots, turn: 0 })
}

impl Door {
    /// A place in the queue for what is awaited, or in the other; `None` when nothing is taken any more.
    pub(super) async fn reserve(&self, is_awaited: bool) -> Option<mpsc::Permit<'_, Slot>> {
        let queue = if is_awaited { &self.awaited } else { &self.others };
        queue.reserve().await.ok()
    }

    /// A place for what is awaited, if one is free now.
    pub(super) fn try_reserve(&self) -> Option<mpsc::Permit<'_, Slot>> {
        self.awaited.try_reserve().ok()
    }

    /// Resolves when nothing is taken any more.
    pub(super) async fn closed(&self) {
        self.awaited.closed().await;
    }
}

impl Intake {
    /// Waits for messages and takes up to `most` of them; 0 when there will be none any more.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn recv_many(&mut self, batch: &mut Vec<Slot>, most: usize) -> usize {
        poll_fn(|context| self.poll_recv_many(context, batch, most)).await
    }

    fn poll_recv_many(
        &mut self,
        context: &mut Context<'_>,
        batch: &mut Vec<Slot>,
        most: usize,
    ) -> Poll<usize> {
        let (first, second) = if self.turn + 1 == TURNS {
            (&mut self.others, &mut self.awaited)
        } else {
            (&mut self.awaited, &mut self.others)
        };
        let mut taken = 0;
        let mut is_closed = true;
        for queue in [first, second] {
            if taken == most {
                break;
            }
            match queue.poll_recv_many(context, batch, most - taken) {
                Poll::Ready(count) => taken += count,
                Poll::Pending => is_closed = false,
            }
        }
        if taken > 0 {
            self.turn = (self.turn + 1) % TURNS;
        }
        if taken > 0 || is_closed { Poll::Ready(taken) } else { Poll::Pending }
    }

    /// Waits for one message; `None` when there will be none any more.
    pub(super) async fn recv(&mut self) -> Option<Slot> {
        tokio::select! {
            biased;
            Some(slot) = self.awaited.recv() => Some(slot),
            Some(slot) = self.others.recv() => Some(slot),
            else => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty() && self.others.is_empty()
    }

    /// Whether nobody can put anything in any more.
    pub(super) fn is_closed(&self) -> bool {
        self.awaited.is_closed() && self.others.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use lapin::BasicProperties;
    use tokio::sync::Semaphore;
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::publisher::Outgoing;
    use crate::publisher::slot::Ticket;
    use crate::topology::Route;

    async fn put(door: &Door, key: &str, is_awaited: bool) -> Ticket {
        let outgoing = Outgoing::new(Route::straight_to(key), BasicProperties::default(), Bytes::new());
        let outgoing = Outgoing { is_awaited, ..outgoing };
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (slot, ticket) = Slot::new(outgoing, share, Instant::now() + Duration::from_secs(1));
        door.reserve(is_awaited).await.unwrap().send(slot);
        ticket
    }

    fn keys(batch: &mut Vec<Slot>) -> Vec<String> {
        batch.drain(..).filter_map(|slot| slot.look(Instant::now(), |it| it.route.key.clone())).collect()
    }

    #[tokio::test]
    async fn what_is_awaited_comes_first_and_keeps_nothing_from_being_sent() {
        let (door, mut intake) = intake(16);
        let mut tickets = Vec::new();
        for number in 0..8 {
            tickets.push(put(&door, &format!("cast {number}"), false).await);
            tickets.push(put(&door, &format!("call {number}"), true).await);
        }
        let mut batch = Vec::new();
        let mut batches = Vec::new();
        for most in [2, 2, 2, 3, 3, 9] {
            intake.recv_many(&mut batch, most).await;
            batches.push(keys(&mut batch).join(", "));
        }
        assert_eq!(
            batches,
            [
                "call 0, call 1",
                "call 2, call 3",
                "call 4, call 5",
                "cast 0, cast 1, cast 2",
                "call 6, call 7, cast 3",
                "cast 4, cast 5, cast 6, cast 7"
            ]
        );
        assert!(intake.is_empty() && !intake.is_closed());
        drop(door);
        assert_eq!(intake.recv_many(&mut batch, 2).await, 0);
        assert!(intake.is_closed() && intake.recv().await.is_none());
    }
}
