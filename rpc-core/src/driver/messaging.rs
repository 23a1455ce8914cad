//! Publishes events.

use futures_util::future::join_all;

use super::together::summed_up;
use super::{Driver, Emission};
use crate::deadline::Deadline;
use crate::error::{Error, Executed};
use crate::identity::random_key;
use crate::message::Message;
use crate::payload::ContentType;
use crate::transport::{Destination, SharedTransport, async_trait};

/// Publishes events over a transport, to all topics at once, and waits until the broker has taken responsibility.
///
/// Each topic has its own attempts ([`RetryPolicy`](crate::RetryPolicy)) within the notifier's time limit.
#[derive(Clone, Debug)]
pub struct Messaging {
    transport: SharedTransport,
}

impl Messaging {
    /// A driver that publishes over `transport`.
    #[must_use]
    pub fn new(transport: &impl AsRef<SharedTransport>) -> Self {
        Self { transport: transport.as_ref().clone() }
    }

    async fn publish(&self, emission: &Emission, topic: &str, deadline: Deadline) -> Result<(), Error> {
        let message = emission.message();
        let (exchange, topic) = (emission.exchange().to_owned(), topic.to_owned());
        let destination = Destination::Notification { exchange, topic, priority: message.priority };
        let (mut failures, mut doubts) = (0, 0);
        loop {
            let mut copy = message.clone();
            // What an earlier copy may have brought its listeners have to know.
            copy.context.attempt = copy.context.attempt.saturating_add(doubts);
            let copy = Message::from(copy);
            let Err(error) = self.transport.publish(&destination, copy, deadline).await else {
                return Ok(());
            };
            failures += 1;
            doubts += u32::from(error.executed() != Executed::NotSent);
            // The lower half of a random number is one.
            let chance = random_key() as u64;
            let Some(pause) = emission.retry().pause(failures, &error, deadline.remaining(), chance) else {
                // A copy that was not sent says nothing about the one before it.
                let error = if doubts > 0 { error.with_executed(Executed::Unknown) } else { error };
                return Err(error.about(&destination, &message.event_type, &message.context.request_id));
            };
            tracing::debug!(%destination, failures, %error, "tries again to emit an event");
            tokio::time::sleep(pause).await;
        }
    }
}

#[async_trait]
impl Driver for Messaging {
    fn name(&self) -> &str {
        "messaging"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        let deadline = Deadline::after(emission.timeout());
        if let [topic] = emission.topics() {
            return self.publish(emission, topic, deadline).await;
        }
        let outcomes =
            join_all(emission.topics().iter().map(|topic| self.publish(emission, topic, deadline))).await;
        let topics = emission.topics().iter().map(String::as_str);
        summed_up("topic", topics.zip(outcomes), emission)
    }

    fn content_type(&self) -> Option<ContentType> {
        Some(self.transport.capabilities().content_type)
    }
}
