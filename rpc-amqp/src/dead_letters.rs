//! Looking after dead letters.
//!
//! AMQP cannot look at a message without taking it. So each is taken one by one on a channel of its own and not
//! acknowledged, and what is to stay is given back at the end, by the broker itself when anything goes wrong before.

mod letter;
mod visit;

use std::sync::Arc;

use rpc_core::transport::DeadLetterQuery;
use rpc_core::{Code, Error, Treated};
use tokio::sync::Semaphore;

use self::visit::Visit;
use crate::inspector::Inspector;
use crate::link::{Link, RefusalKind, Worker};
use crate::publisher::{Publisher, closed};
use crate::settings::QueueType;
use crate::topology::dead_letter_queue;

/// Visits at a time: each may hold as much as [`visit::MOST_BYTES`].
const MOST_VISITS: usize = 2;

/// Looks after dead letters, on the connection that consumes.
pub(crate) struct DeadLetters {
    pub(crate) link: Link,
    pub(crate) worker: Worker,
    pub(crate) inspector: Inspector,
    pub(crate) publisher: Publisher,
    pub(crate) queue_type: QueueType,
    pub(crate) max_message_size: usize,
    pub(crate) visits: Arc<Semaphore>,
}

impl DeadLetters {
    /// How many visits there may be.
    pub(crate) fn visits() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MOST_VISITS))
    }

    /// How many letters wait; none where there is no queue.
    pub(crate) async fn count(&self, exchange: &str, topic: &str) -> Result<u32, Error> {
        let depth = self.inspector.depth(dead_letter_queue(exchange, topic)?).await;
        match depth {
            Err(error) if error.is_unroutable() => Ok(0),
            depth => depth.map(|depth| depth.ready),
        }
    }

    pub(crate) async fn treat(&self, query: DeadLetterQuery) -> Result<Treated, Error> {
        let queue = dead_letter_queue(&query.exchange, &query.topic)?;
        let Ok(permit) = Arc::clone(&self.visits).try_acquire_owned() else {
            let message = format!("{MOST_VISITS} others look at dead letters over this transport");
            return Err(Error::new(Code::Overloaded, message));
        };
        let (link, publisher) = (self.link.clone(), self.publisher.clone());
        let (queue_type, max_message_size) = (self.queue_type, self.max_message_size);
        let visiting = async move {
            let _permit = permit;
            let refused = |refusal: crate::link::Refusal| refusal.error("cannot look at dead letters");
            let Some(session) = link.view().session else {
                return Err(refused(crate::link::Refusal::lost("not connected to the broker")));
            };
            match Visit::begin(session, query, queue, publisher, queue_type, max_message_size).await {
                Ok(visit) => Ok(visit.run().await),
                Err(refusal) if refusal.kind == RefusalKind::Absent => Ok(Treated::nothing()),
                Err(refusal) => Err(refused(refusal)),
            }
        };
        // A task of its own, so that what was begun is finished when nobody waits.
        self.worker.run(visiting).await.unwrap_or_else(|| Err(closed()))
    }
}
