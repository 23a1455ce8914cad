//! One pass over the dead letters of a topic.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rpc_core::transport::{DeadLetterQuery, Treatment};
use rpc_core::{DeadLetter, DeadLetters, Deadline, Treated};
use tokio::time::Instant;

use super::letter::Taken;
use crate::consumer::MOVE_LIMIT;
use crate::declare::{look_at, short};
use crate::library::Channel;
use crate::link::{Changes, Refusal, Session, limited};
use crate::publisher::{Outgoing, Publisher};
use crate::settings::QueueType;

/// Bodies that one visit hands out: what is inspected is kept in memory.
pub(super) const MOST_BYTES: usize = 64 * 1_024 * 1_024;
/// Letters that are published again at a time.
const MOST_AT_ONCE: usize = 64;
/// How long a queue may take to have back what was given back.
const RETURN_LIMIT: Duration = Duration::from_secs(1);

/// One pass over the dead letters of a topic.
pub(super) struct Visit {
    session: Arc<Session>,
    channel: Channel,
    query: DeadLetterQuery,
    queue: String,
    publisher: Publisher,
    queue_type: QueueType,
    max_message_size: usize,
    /// How many letters were there at the beginning. What is replayed and rejected again comes behind them.
    there: usize,
    /// How many were taken and not forgotten.
    stays: usize,
    /// On their way to another place.
    moving: Vec<Move>,
    treated: Treated,
}

/// A letter that is forgotten once its copy is safe.
struct Move {
    taken: Taken,
    letter: DeadLetter,
    outgoing: Outgoing,
    /// Whether it goes back to where it was rejected, and not only to the end of this queue.
    is_replay: bool,
}

impl Visit {
    pub(super) async fn begin(
        session: Arc<Session>,
        query: DeadLetterQuery,
        queue: String,
        publisher: Publisher,
        queue_type: QueueType,
        max_message_size: usize,
    ) -> Result<Self, Refusal> {
        let channel = session.channel().await?;
        let there = session.judged(depth(&channel, &queue).await)?;
        let (moving, treated) = (Vec::new(), Treated::nothing());
        Ok(Self {
            session,
            channel,
            query,
            queue,
            publisher,
            queue_type,
            max_message_size,
            there,
            stays: 0,
            moving,
            treated,
        })
    }

    /// Goes through the queue, gives back what stays, and says what became of the rest.
    pub(super) async fn run(mut self) -> Treated {
        let outcome = match self.go_through().await {
            Ok(()) => self.leave().await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = self.session.judged(outcome) {
            self.treated.is_complete = false;
            self.treated.stopped_by = Some(refusal.error("cannot go on looking at dead letters"));
        }
        self.treated
    }

    async fn go_through(&mut self) -> Result<(), Refusal> {
        let (mut matched, mut bytes) = (0, 0);
        while self.treated.looked_at < self.there {
            if matched == self.query.most
                || self.treated.looked_at == DeadLetters::MOST_LOOKED_AT
                || bytes >= MOST_BYTES
            {
                self.treated.is_complete = false;
                break;
            }
            let Some(taken) = self.take().await? else { break };
            (self.treated.looked_at, self.stays) = (self.treated.looked_at + 1, self.stays + 1);
            let place = (self.query.exchange.as_str(), self.query.topic.as_str());
            let defect = self.session.findings().take(self.channel.id(), taken.tag).map(Changes::reason);
            let letter = taken.read(place, defect, self.max_message_size);
            let treatment = self.query.filter.matches(&letter).then_some(self.query.treatment);
            if treatment.is_some() {
                matched += 1;
                bytes += taken.size();
            }
            match treatment {
                Some(Treatment::Discard) => {
                    self.forget(taken.tag).await?;
                    self.treated.letters.push(letter);
                }
                Some(Treatment::Replay) => match taken.replayed(&letter) {
                    Ok(outgoing) => self.moving.push(Move { taken, letter, outgoing, is_replay: true }),
                    Err(error) => self.treated.left.push((letter, error)),
                },
                Some(Treatment::Inspect) | None => self.stays(taken, letter, treatment.is_some()),
            }
            if self.moving.len() == MOST_AT_ONCE {
                self.move_all().await?;
            }
        }
        self.move_all().await
    }

    async fn take(&self) -> Result<Option<Taken>, Refusal> {
        let command = self.channel.basic_get(short(&self.queue)?);
        let message = limited("take a dead letter", command).await?;
        Ok(message.map(Taken::new))
    }

    /// The letter is only looked at.
    fn stays(&mut self, taken: Taken, letter: DeadLetter, is_shown: bool) {
        if is_shown {
            self.treated.letters.push(letter.clone());
        }
        // One whose copy finds no place is given back all the same.
        if let Some(Ok(outgoing)) = taken.renewed(&letter, self.queue_type) {
            self.moving.push(Move { taken, letter, outgoing, is_replay: false });
        }
    }

    /// Publishes copies, and forgets the originals of those that are confirmed: never the other way round.
    async fn move_all(&mut self) -> Result<(), Refusal> {
        let moving = std::mem::take(&mut self.moving);
        let publisher = &self.publisher;
        let published = join_all(moving.into_iter().map(|one| async move {
            let Move { taken, letter, outgoing, is_replay } = one;
            let outcome = publisher.publish(outgoing, Deadline::after(MOVE_LIMIT)).await;
            (taken.tag, letter, is_replay, outcome)
        }));
        for (tag, letter, is_replay, outcome) in published.await {
            if outcome.is_ok() {
                self.forget(tag).await?;
            }
            match outcome {
                Ok(()) if is_replay => self.treated.letters.push(letter),
                Err(error) if is_replay => self.treated.left.push((letter, error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    async fn forget(&mut self, tag: u64) -> Result<(), Refusal> {
        limited("forget a dead letter", self.written(self.channel.basic_ack(tag, false))).await?;
        self.stays -= 1;
        Ok(())
    }

    async fn written(&self, queued: lapin::Result<u64>) -> lapin::Result<()> {
        self.channel.written(queued?).await
    }

    /// Gives back what stays, and waits until the broker has taken in all that was said before.
    async fn leave(&self) -> Result<(), Refusal> {
        let before = depth(&self.channel, &self.queue).await?;
        // All that was given out on this channel.
        let given_back = self.written(self.channel.basic_nack(0, true, true));
        limited("give back dead letters", given_back).await?;
        // A quorum queue writes it down first, and whoever looks next is to see what is there. Others may take from the
        // queue meanwhile, so this is no promise.
        let until = Instant::now() + RETURN_LIMIT;
        while depth(&self.channel, &self.queue).await? < before + self.stays && Instant::now() < until {
            tokio::time::sleep(RETURN_LIMIT / 50).await;
        }
        limited("close a channel", self.channel.close(200, short("bye")?)).await
    }
}

/// How many messages wait.
async fn depth(channel: &Channel, queue: &str) -> Result<usize, Refusal> {
    let ready = look_at(channel, queue).await?.ready;
    Ok(usize::try_from(ready).unwrap_or(usize::MAX))
}
