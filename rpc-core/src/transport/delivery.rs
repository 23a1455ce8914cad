//! A message that a broker handed to us, and what becomes of it.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::{Code, Error};
use crate::message::{Malformed, Message};

/// A message that a broker handed to us.
///
/// It is settled exactly once: [`ack`](Delivery::ack), [`requeue`](Delivery::requeue), [`retry`](Delivery::retry) and
/// [`reject`](Delivery::reject) take it away, and one that is dropped is requeued.
#[derive(Debug)]
pub struct Delivery {
    message: Result<Message, Malformed>,
    redelivered: bool,
    received: Instant,
    acknowledger: Acknowledger,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to carry out every kind")]
pub enum Settlement {
    /// Done: the broker forgets it.
    Ack,
    /// Back to the queue, to be delivered again.
    Requeue,
    /// To the end of the queue, counted: it is delivered from there as a message that was not delivered before, and
    /// its context says this attempt. Everything else stays, the message id and what is left of its time included.
    ///
    /// For transports that do not count deliveries themselves. The new message is safe before the old one is
    /// forgotten: when both cannot be had, the message comes twice rather than not at all. What the broker does not
    /// take goes back as [`Requeue`](Settlement::Requeue) does, after a pause, or, when it never will take it, to the
    /// dead-letter queue.
    Retry {
        /// What [`Context::attempt`](crate::Context::attempt) will say.
        attempt: u32,
    },
    /// To the dead-letter queue, with the reason.
    Reject {
        /// What happened, as a header.
        code: Code,
        /// In words.
        reason: String,
    },
}

/// How a transport settles one delivery. [`Delivery`] calls it exactly once.
pub trait Settle: Send + Sync + 'static {
    /// Carries the decision to the broker. Never blocks; the transport sends it in the background and
    /// [`Consumer::close`](super::Consumer::close) waits for that.
    ///
    /// # Errors
    ///
    /// When it is known already that the decision cannot arrive, because the link that brought the delivery is
    /// gone: the broker will deliver it again.
    fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), Error>;
}

/// How a transport settles deliveries that it tells apart by a tag, so that none of them needs memory for that. [`Delivery`]
/// calls it exactly once for each.
pub trait SettleTagged: Send + Sync + 'static {
    /// As [`Settle::settle`], for the delivery with this tag.
    ///
    /// # Errors
    ///
    /// As [`Settle::settle`] says.
    fn settle(&self, tag: u64, settlement: Settlement) -> Result<(), Error>;
}

/// The duty to settle a delivery, apart from its message.
pub struct Acknowledger(Option<Duty>);

enum Duty {
    Alone(Box<dyn Settle>),
    Tagged(Arc<dyn SettleTagged>, u64),
}

impl Delivery {
    /// A delivery of `message` that `settle` settles.
    #[must_use]
    pub fn new(message: Result<Message, Malformed>, redelivered: bool, settle: Box<dyn Settle>) -> Self {
        Self { message, redelivered, received: Instant::now(), acknowledger: Acknowledger::new(settle) }
    }

    /// A delivery of `message` that `settle` settles by its `tag`.
    #[must_use]
    pub fn tagged(
        message: Result<Message, Malformed>,
        redelivered: bool,
        settle: Arc<dyn SettleTagged>,
        tag: u64,
    ) -> Self {
        let acknowledger = Acknowledger(Some(Duty::Tagged(settle, tag)));
        Self { message, redelivered, received: Instant::now(), acknowledger }
    }

    /// The message, or why it could not be understood.
    pub const fn message(&self) -> &Result<Message, Malformed> {
        &self.message
    }

    /// Whether the message was delivered before, to us or to another.
    #[must_use]
    pub const fn is_redelivered(&self) -> bool {
        self.redelivered
    }

    /// When it came to this process.
    pub(crate) const fn received(&self) -> Instant {
        self.received
    }

    /// Takes the message apart from the duty to settle it.
    pub fn into_parts(self) -> (Result<Message, Malformed>, Acknowledger) {
        (self.message, self.acknowledger)
    }

    /// Tells the broker to forget the message. See [`Acknowledger::ack`].
    pub fn ack(self) -> Result<(), Error> {
        self.acknowledger.ack()
    }

    /// Gives the message back to its queue. See [`Acknowledger::requeue`].
    pub fn requeue(self) -> Result<(), Error> {
        self.acknowledger.requeue()
    }

    /// Puts the message to the end of its queue, counted. See [`Acknowledger::retry`].
    pub fn retry(self, attempt: u32) -> Result<(), Error> {
        self.acknowledger.retry(attempt)
    }

    /// Moves the message to the dead-letter queue. See [`Acknowledger::reject`].
    pub fn reject(self, code: Code, reason: impl Into<String>) -> Result<(), Error> {
        self.acknowledger.reject(code, reason)
    }
}

impl Acknowledger {
    pub(crate) fn new(settle: Box<dyn Settle>) -> Self {
        Self(Some(Duty::Alone(settle)))
    }

    /// Tells the broker to forget the message.
    ///
    /// # Errors
    ///
    /// When the link that brought the delivery is gone, so that the message will be delivered again; likewise
    /// for the others.
    pub fn ack(self) -> Result<(), Error> {
        self.settle(Settlement::Ack)
    }

    /// Gives the message back to its queue.
    pub fn requeue(self) -> Result<(), Error> {
        self.settle(Settlement::Requeue)
    }

    /// Puts the message to the end of its queue, to be delivered as `attempt`. See [`Settlement::Retry`].
    pub fn retry(self, attempt: u32) -> Result<(), Error> {
        self.settle(Settlement::Retry { attempt })
    }

    /// Moves the message to the dead-letter queue, with the reason.
    pub fn reject(self, code: Code, reason: impl Into<String>) -> Result<(), Error> {
        self.settle(Settlement::Reject { code, reason: reason.into() })
    }

    /// Settles as told.
    pub fn settle(mut self, settlement: Settlement) -> Result<(), Error> {
        self.0.take().map_or(Ok(()), |duty| duty.settle(settlement))
    }
}

impl Duty {
    fn settle(self, settlement: Settlement) -> Result<(), Error> {
        match self {
            Self::Alone(settle) => settle.settle(settlement),
            Self::Tagged(settle, tag) => settle.settle(tag, settlement),
        }
    }
}

impl Drop for Acknowledger {
    fn drop(&mut self) {
        if let Some(duty) = self.0.take() {
            // A link that is gone has requeued the message already.
            let _ = duty.settle(Settlement::Requeue);
        }
    }
}

impl fmt::Debug for Acknowledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Acknowledger")
    }
}
