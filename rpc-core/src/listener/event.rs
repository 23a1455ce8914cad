//! An event as a listener hands it out.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::Received;
use crate::error::{Code, Error};
use crate::transport::Acknowledger;

/// An event as a listener hands it out: what was [`Received`], and the duty to settle it, exactly once. One that is dropped
/// goes back to its queue.
#[must_use = "an event that is dropped is delivered again"]
pub struct Event<T> {
    received: Received<T>,
    acknowledger: Acknowledger,
}

impl<T> Event<T> {
    pub(super) const fn new(received: Received<T>, acknowledger: Acknowledger) -> Self {
        Self { received, acknowledger }
    }

    /// Takes the data apart from the duty to settle the event.
    pub fn into_parts(self) -> (T, Acknowledger) {
        (self.received.into_payload(), self.acknowledger)
    }

    /// Tells the broker to forget the event.
    ///
    /// # Errors
    ///
    /// [`Code::Unavailable`] when the link that brought the event is gone, so that it will come again. That is no reason to stop:
    /// the listener goes on with the next link, and whoever stored the event knows it by its message id.
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn ack(self) -> Result<(), Error> {
        self.acknowledger.ack()
    }

    /// Gives the event back, to be delivered again soon, perhaps behind later ones. It comes as the next attempt, of which
    /// there are no more than [`delivery_limit`](super::ListenerBuilder::delivery_limit). Errors as [`ack`](Event::ack).
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn requeue(self) -> Result<(), Error> {
        self.acknowledger.requeue()
    }

    /// Holds the event for `delay`, then puts it to the end of its queue as the next attempt, and returns only then: spawn it, if
    /// other events are to be taken meanwhile. All that time it counts for the
    /// [`prefetch`](super::ListenerBuilder::prefetch). Errors as [`ack`](Event::ack).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the event back at once.
    pub async fn requeue_after(self, delay: Duration) -> Result<(), Error> {
        tokio::time::sleep(delay).await;
        let attempt = self.attempt().saturating_add(1);
        self.acknowledger.retry(attempt)
    }

    /// Moves the event to the dead-letter queue, with the reason. Errors as [`ack`](Event::ack).
    #[expect(clippy::unused_async, reason = "a transport may come to need a wait here")]
    pub async fn reject(self, reason: &str) -> Result<(), Error> {
        self.acknowledger.reject(Code::ServiceError, reason)
    }
}

impl<T> Deref for Event<T> {
    type Target = Received<T>;

    fn deref(&self) -> &Received<T> {
        &self.received
    }
}

impl<T> fmt::Debug for Event<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Event").field(&self.received).finish()
    }
}
