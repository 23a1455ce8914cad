//! A gathering: sent to many servers, answered by each.

mod answers;
mod progress;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

pub use self::answers::{Answer, Answers};
use self::progress::{Expected, Progress};
use super::Client;
use super::call::{ReadReply, listening};
use super::outgoing::Outgoing;
use crate::context::Context;
use crate::error::Error;
use crate::message::Message;
use crate::payload::Payload;
use crate::target::Route;
use crate::transport::Destination;

/// A fanout whose answers are gathered; awaiting it sends it, and gives the [`Answers`] as they come.
///
/// The answers end when all that were expected are there, and at the deadline at the latest: that of, in this order, this
/// gathering, the client, the method, [`Client::DEFAULT_GATHER_TIMEOUT`]; and never later than that of the handler that gathers.
/// Nobody knows how many servers there are, so without an expectation it takes until the deadline.
///
/// ```
/// # use rpc_core::{MemoryTransport, Server, Target, service};
/// #[service]
/// trait Conductor {
///     /// Says how many nodes it drives.
///     #[fanout(timeout = "1s")]
///     async fn nodes(&self) -> u32;
/// }
/// # struct Manager(u32);
/// # impl Conductor for Manager {
/// #     async fn nodes(&self) -> u32 { self.0 }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let transport = MemoryTransport::new();
/// # let mut servers = Vec::new();
/// # for (name, nodes) in [("cell-1", 3), ("cell-2", 4)] {
/// #     let target = Target::topic("conductor").server(name);
/// #     servers.push(Server::builder(&transport, target).endpoint(Manager(nodes).into_endpoint()).start().await?);
/// # }
/// let conductor = ConductorClient::new(&transport, Target::topic("conductor"));
/// let mut answers = conductor.nodes().expected(2).await?;
/// let mut nodes = 0;
/// while let Some(answer) = answers.next().await {
///     match answer.result {
///         Ok(of_one) => nodes += of_one,
///         Err(error) => eprintln!("{:?} did not say: {error}", answer.server),
///     }
/// }
/// assert_eq!(nodes, 7);
/// # Ok(()) }
/// ```
///
/// Every server that is connected when the broker routes it gets it at most once. A client that was prepared for one server
/// asks that one, whose answer is the last. At most 10,000 answers are taken, and at most 1,024 wait to be read: what comes
/// beyond that is lost.
///
/// # Errors
///
/// What keeps the broker from taking the message within the time limit; [`Code::Unroutable`](crate::Code::Unroutable) only
/// when it was for one server, which was never there: all servers of a topic can be none.
///
/// # Cancel safety
///
/// Dropping it before it was awaited sends nothing; later the message may have been sent, and its answers are ignored.
#[must_use = "a gathering does nothing until it is awaited"]
pub struct Gather<T, E> {
    outgoing: Outgoing,
    expected: Expected,
    read: ReadReply<T, E>,
}

/// The future of a [`Gather`].
#[must_use = "a gathering does nothing until it is awaited"]
pub struct GatherFuture<T, E>(Pin<Box<Gathering<T, E>>>);

type Gathering<T, E> = dyn Future<Output = Result<Answers<T, E>, Error>> + Send;

/// How many answers are taken at most.
const MOST_ANSWERS: usize = 10_000;
/// How many answers wait to be read.
const MOST_UNREAD: usize = 1_024;

impl<T, E> Gather<T, E> {
    pub(super) fn new(mut outgoing: Outgoing, read: ReadReply<T, E>) -> Self {
        outgoing.waits_for_reply = true;
        outgoing.default_timeout = Client::DEFAULT_GATHER_TIMEOUT;
        // Some answer and some do not: silence says nothing.
        outgoing.call_monitor = Some(Duration::ZERO);
        Self { outgoing, expected: Expected::Any, read }
    }

    /// Gathers for at most this long. Default: see [`Gather`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Ends as soon as this many have answered. Default: nobody knows how many will.
    pub fn expected(mut self, servers: usize) -> Self {
        self.expected = Expected::Count(servers);
        self
    }

    /// Ends as soon as these have answered, and says at the end who has not ([`Answers::missing`]). Others may answer before.
    /// Takes the place of [`expected`](Self::expected). On a wire that does not name servers, oslo.messaging's, it
    /// takes until the deadline.
    pub fn expected_servers<S: Into<String>>(mut self, servers: impl IntoIterator<Item = S>) -> Self {
        self.expected = Expected::Servers(servers.into_iter().map(Into::into).collect());
        self
    }

    /// Gathers on behalf of `context`: its request id, deadline, trace and metadata. Default: that of the handler that
    /// runs, or a new one.
    pub fn context(mut self, context: &Context) -> Self {
        self.outgoing.context = Some(Box::new(context.clone()));
        self
    }
}

impl<T: 'static, E: 'static> IntoFuture for Gather<T, E> {
    type Output = Result<Answers<T, E>, Error>;
    type IntoFuture = GatherFuture<T, E>;

    fn into_future(self) -> GatherFuture<T, E> {
        GatherFuture(Box::pin(async move {
            let Self { outgoing, expected, read } = self;
            let mut ready = outgoing.ready()?;
            let place = match ready.transport.replies().now() {
                Some(place) => place,
                None => listening(&ready.transport, ready.deadline).await,
            };
            let (address, mut slot) = place.map_err(|error| ready.name(error))?;
            // The place in the table exists before the request leaves, so no answer can come too early.
            let replies = slot.gather(MOST_UNREAD).map_err(|error| ready.name(error))?;
            let request = Arc::make_mut(&mut ready.request);
            request.reply_to = Some((address, slot.correlation_id()));
            request.time_to_live = Some(ready.deadline.remaining());
            tracing::trace!(
                destination = %ready.destination, method = %request.method,
                request_id = %request.context.request_id, "gather"
            );
            let message = Message::Request(Arc::clone(&ready.request));
            let published = ready.transport.publish(&ready.destination, message, ready.deadline).await;
            published.map_err(|error| ready.name(error))?;
            // Not sent again, and the body can be large.
            if let Some(request) = Arc::get_mut(&mut ready.request) {
                request.arguments = Payload::default();
            }
            let is_for_all =
                matches!(&ready.destination, Destination::Request(target) if target.route() == Route::Fanout);
            let most = if is_for_all { MOST_ANSWERS } else { 1 };
            Ok(Answers::new(ready, (slot, replies), Progress::new(expected, most), read))
        }))
    }
}

impl<T, E> Future for GatherFuture<T, E> {
    type Output = Result<Answers<T, E>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Gather").field(&self.outgoing).finish()
    }
}

impl<T, E> fmt::Debug for GatherFuture<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("GatherFuture")
    }
}
