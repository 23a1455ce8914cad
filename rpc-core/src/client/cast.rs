//! A cast or a fanout: nobody waits for a reply.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use super::outgoing::{Outgoing, Ready};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::message::Message;
use crate::target::Route;
use crate::transport::Destination;

/// A cast or a fanout that is about to be made; awaiting it makes it.
///
/// For a cast `Ok` means that the broker routed it to a queue and confirmed it: it runs at least once, or ends
/// in the dead-letter queue with the reason, unless its time to live passes before it has started. For a fanout `Ok` means that the broker took it: every server
/// that was connected in that moment gets it at most once, and there may be none. A cast to a target that was
/// widened with [`Target::fanout`](crate::Target::fanout) is a fanout.
///
/// # Errors
///
/// For a cast [`Code::Unroutable`](crate::Code::Unroutable) when no server of the target was ever there; for
/// both what keeps the broker from taking the message within the time limit.
///
/// # Cancel safety
///
/// Dropping it before it was awaited sends nothing; later the message may have been sent.
#[must_use = "a cast does nothing until it is awaited"]
pub struct Cast {
    outgoing: Outgoing,
    time_to_live: Option<Duration>,
}

/// The future of a [`Cast`].
#[must_use = "a cast does nothing until it is awaited"]
pub struct CastFuture(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

impl Cast {
    pub(super) const fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, time_to_live: None }
    }

    /// Waits at most this long for the broker. Default: the client's time limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Makes the cast on behalf of `context`: its request id, trace and metadata. Default: that of the handler
    /// that runs, or a new one.
    pub fn context(mut self, context: &Context) -> Self {
        self.outgoing.context = Some(Box::new(context.clone()));
        self
    }

    /// Names this piece of work, the same over all its retries. Default: no name.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.outgoing.idempotency_key = Some(key.into());
        self
    }

    /// Lets the message expire when no server has started on it after this time. Default: it is kept until one
    /// does.
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = Some(time_to_live.min(Deadline::LONGEST));
        self
    }
}

impl IntoFuture for Cast {
    type Output = Result<(), Error>;
    type IntoFuture = CastFuture;

    fn into_future(self) -> CastFuture {
        CastFuture(Box::pin(async move {
            let mut ready = self.outgoing.ready()?;
            // The time limit is for reaching the broker. It says nothing about when the work has to be done.
            let request = Arc::make_mut(&mut ready.request);
            request.context.deadline = self.time_to_live.map(Deadline::after);
            request.time_to_live = self.time_to_live;
            request.durable =
                matches!(&ready.destination, Destination::Request(target) if target.route() != Route::Fanout);
            let Ready { transport, destination, request, deadline, .. } = &ready;
            tracing::trace!(%destination, method = %request.method, request_id = %request.context.request_id, "cast");
            let published = transport.publish(destination, Message::Request(Arc::clone(request)), *deadline);
            published.await.map_err(|error| ready.name(error))
        }))
    }
}

impl Future for CastFuture {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Cast").field(&self.outgoing).finish()
    }
}

impl fmt::Debug for CastFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CastFuture")
    }
}
