//! A way to reach a broker, and what a broker has to do for us.
//!
//! A transport speaks of destinations, not of exchanges: a request to a topic, to one server or to all; a reply
//! to an address; a notification to a topic and priority. Reply table, deadlines, dispatch and drain live above
//! it, once for all transports. `conformance` (feature `conformance`) is the executable
//! definition of everything promised here.

mod capabilities;
mod consume_options;
mod consumer_status;
mod delivery;
mod destination;
mod next;
mod on_failure;
mod queue_depth;
mod registry;
mod shared;
mod status;
mod watch;

use std::task;
use std::time::Duration;

/// The attribute that implementations of [`Transport`], [`Consumer`] and [`Connector`] stand under.
pub use async_trait::async_trait;

pub use self::capabilities::Capabilities;
pub use self::consume_options::ConsumeOptions;
pub use self::consumer_status::{ConsumerReporter, ConsumerState, ConsumerStatus, ConsumerWatch};
pub use self::delivery::{Acknowledger, Delivery, Settle, SettleTagged, Settlement};
pub use self::destination::{Destination, Source, Subscription};
pub use self::next::PollNext;
pub(crate) use self::next::next;
pub use self::on_failure::OnFailure;
pub use self::queue_depth::QueueDepth;
pub use self::registry::{Connector, Registry, TransportUrlError};
pub use self::shared::SharedTransport;
pub use self::status::{LinkState, Status, StatusReporter, StatusWatch};
pub use self::watch::{Reporter, Watch};
pub use crate::dead_letters::{DeadLetterQuery, Treatment};
use crate::dead_letters::{Treated, unsupported};
use crate::deadline::Deadline;
use crate::error::Error;
pub use crate::history::History;
use crate::message::Message;
use crate::reply_address::ReplyAddress;
use crate::target::Target;

/// A way to reach a broker.
///
/// Implementations reconnect by themselves: consumers and the status outlive a lost link. Wrap one in
/// [`SharedTransport::new`] to use it.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Publishes `message`, and resolves when the broker has taken responsibility for it.
    ///
    /// Returns by `deadline`, connecting included. The message is refused before it is sent when its body is
    /// larger than [`Capabilities::max_message_size`].
    ///
    /// # Errors
    ///
    /// [`Code::Unroutable`](crate::Code::Unroutable) when no queue takes it (requests to a topic or a server,
    /// and replies; a fanout to nobody is `Ok`, and a notification that nobody has subscribed to is kept for
    /// the default pool of its topic and priority, without subscribing it). Every error says whether the message may still be delivered:
    /// [`Executed::NotSent`](crate::Executed::NotSent) means that it will not be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the message was handed to the broker sends nothing; later it stops the wait
    /// and nothing else.
    async fn publish(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error>;

    /// As [`publish`](Transport::publish), by a transport that need not wait for it, so that no future is made. `Err` gives
    /// back the message, untouched, when it has to be published by that; the default is for transports that always wait.
    fn publish_now(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<Result<(), Error>, Message> {
        let _ = (destination, deadline);
        Err(message)
    }

    /// As [`publish`](Self::publish), for whoever mostly hears of success otherwise, as the caller does by the reply: `Ok` may
    /// come up to 100 ms late, though by `deadline`, and errors come as soon as ever. A transport that has to wake somebody
    /// for each `Ok` saves that. The default makes no difference.
    ///
    /// # Errors
    ///
    /// As those of [`publish`](Self::publish).
    ///
    /// # Cancel safety
    ///
    /// As that of [`publish`](Self::publish).
    async fn publish_quietly(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.publish(destination, message, deadline).await
    }

    /// As [`publish`](Self::publish), with nobody waiting: the message is taken at once, and only `on_failure` hears of it
    /// again, by `deadline` or when the broker says so, whichever is later. `Err` gives both back, untouched, when the message
    /// has to be published by [`publish`](Self::publish): so a transport bounds what it takes, and keeps to nobody's speed but
    /// the broker's when its link does not work. The default takes none.
    fn post(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
        on_failure: OnFailure,
    ) -> Result<(), (Message, OnFailure)> {
        let _ = (destination, deadline);
        Err((message, on_failure))
    }

    /// Starts to consume, and returns once the broker has all that it needs to route to `source`.
    ///
    /// At most [`ConsumeOptions::prefetch`] deliveries of a queue are unsettled at a time; replies have no such bound.
    ///
    /// # Errors
    ///
    /// What the broker refuses, and [`Code::Unavailable`](crate::Code::Unavailable) when it cannot be reached.
    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error>;

    /// A new address for the replies to a process called `service`. Asked for once, by the first call, and again when
    /// nobody can listen at it any more. The default is [`ReplyAddress::random`]; a transport whose peers accept another
    /// form makes that, with as much chance in it.
    fn reply_address(&self, service: &str) -> ReplyAddress {
        ReplyAddress::random(service)
    }

    /// Looks at the queue of `target`, without a promise that it is so still when this returns. `None` when this
    /// transport cannot tell, as the default does, and for a fanout, which has no queue of its own.
    ///
    /// Calls use it to say why nobody answered, many at a time: looks at one queue are to be shared.
    ///
    /// # Errors
    ///
    /// [`Code::Unroutable`](crate::Code::Unroutable) when there is no such queue;
    /// [`Code::Unavailable`](crate::Code::Unavailable) and [`Code::Overloaded`](crate::Code::Overloaded) when the broker
    /// cannot be asked now.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the wait and nothing else.
    async fn inspect(&self, target: &Target) -> Result<Option<QueueDepth>, Error> {
        let _ = target;
        Ok(None)
    }

    /// How many dead letters of a topic there are, without those that somebody looks at.
    ///
    /// # Errors
    ///
    /// As [`DeadLetters`](crate::DeadLetters) says. The default is for transports that have none to show.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the wait and nothing else.
    async fn count_dead_letters(&self, exchange: &str, topic: &str) -> Result<u32, Error> {
        let _ = (exchange, topic);
        Err(unsupported())
    }

    /// Does with the dead letters of a topic what `query` says, as [`DeadLetters`](crate::DeadLetters) promises it.
    ///
    /// # Errors
    ///
    /// As [`DeadLetters`](crate::DeadLetters) says, when nothing was done. What ends it later is in
    /// [`Treated::stopped_by`]. The default is for transports that have none to show.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the wait, and what was begun is finished.
    async fn treat_dead_letters(&self, query: DeadLetterQuery) -> Result<Treated, Error> {
        let _ = query;
        Err(unsupported())
    }

    /// What this transport can do.
    fn capabilities(&self) -> Capabilities;

    /// The state of the link, now and when it changes.
    fn status(&self) -> StatusWatch;

    /// Sends what is on its way, then leaves the broker; takes at most `grace`. Unsettled deliveries go back to
    /// their queues. Afterwards everything fails with [`Code::Unavailable`](crate::Code::Unavailable).
    async fn close(&self, grace: Duration);
}

/// A stream of deliveries. It outlives reconnects; what was unsettled when a link was lost comes again.
///
/// Dropping it gives up the subscription and returns every unsettled delivery to its queue.
#[async_trait]
pub trait Consumer: Send + 'static {
    /// The next delivery; `None` after [`stop`](Consumer::stop), once those taken from the broker are used up
    /// or given back, and when the transport was closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Delivery>;

    /// As [`next`](Consumer::next), without a future for each delivery, which costs an allocation: `Pending` means that
    /// `context` will be woken. The default is for consumers that can only be awaited.
    fn poll_next(&mut self, context: &mut task::Context<'_>) -> PollNext {
        let _ = context;
        PollNext::HasToBeAwaited
    }

    /// How this consumer is, now and when it changes.
    fn status(&self) -> ConsumerWatch;

    /// Asks the broker for nothing more and gives back what [`next`](Consumer::next) has not returned yet.
    /// Deliveries that were returned can still be settled.
    async fn stop(&mut self);

    /// Gives the broker what was settled, then ends the subscription. Called after [`stop`](Consumer::stop).
    async fn close(self: Box<Self>);
}

const _: fn(&dyn Transport, &dyn Consumer) = |_, _| {};
