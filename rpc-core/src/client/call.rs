//! A call: waits for the reply.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{self, Poll};
use std::time::Duration;

use tokio::time::sleep_until;

use super::evidence::require_consumers;
use super::outgoing::{Outgoing, Ready};
use super::replies::{Slot, received};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::{CallError, Code, Error, Executed, Phase};
use crate::message::{Message, Reply};
use crate::target::Route;
use crate::transport::{Destination, LinkState, SharedTransport};

/// A call that is about to be made; awaiting it makes it.
///
/// It resolves exactly once, at most 250 ms after its deadline. The deadline is the time limit of, in this
/// order: this call, the client, the method, [`Client::DEFAULT_TIMEOUT`](crate::Client::DEFAULT_TIMEOUT); and
/// never later than that of the handler that makes the call.
///
/// A request that was in doubt when its link broke is sent again if its method is `idempotent`, under the same message id;
/// any other is waited for, since the answer can come yet.
///
/// Awaited where it stands it runs as part of its task; `tokio::spawn(call.into_future())` makes it run beside.
///
/// # Errors
///
/// [`CallError::Service`] with the method's own error, otherwise [`CallError::Rpc`]. Among the latter
/// [`Code::Unroutable`] within one round trip when nobody serves the target, and [`Code::DeadlineExceeded`].
///
/// # Cancel safety
///
/// Dropping the call before it was awaited sends nothing. Dropping it later gives its place in the reply table
/// back at once; the method may run nevertheless, and its reply is ignored.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T, E> {
    outgoing: Outgoing,
    read: ReadReply<T, E>,
}

/// Reads a reply whose body may inflate to so many bytes.
pub(super) type ReadReply<T, E> = fn(Reply, usize) -> Result<T, CallError<E>>;

/// The future of a [`Call`].
#[must_use = "a call does nothing until it is awaited"]
pub struct CallFuture<T, E>(Pin<Box<dyn Future<Output = Result<T, CallError<E>>> + Send>>);

impl<T, E> Call<T, E> {
    pub(super) fn new(mut outgoing: Outgoing, read: ReadReply<T, E>) -> Self {
        outgoing.waits_for_reply = true;
        Self { outgoing, read }
    }

    /// Waits at most this long. Default: see [`Call`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Makes the call on behalf of `context`: its request id, deadline, trace and metadata. Default: that of
    /// the handler that runs, or a new one.
    pub fn context(mut self, context: &Context) -> Self {
        self.outgoing.context = Some(context.clone());
        self
    }

    /// Names this piece of work, the same over all its retries. Default: no name.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.outgoing.idempotency_key = Some(key.into());
        self
    }
}

impl<T: 'static, E: 'static> IntoFuture for Call<T, E> {
    type Output = Result<T, CallError<E>>;
    type IntoFuture = CallFuture<T, E>;

    fn into_future(self) -> Self::IntoFuture {
        CallFuture(Box::pin(async move {
            let Self { outgoing, read } = self;
            let (ready, subject) = outgoing.ready()?;
            let limit = ready.transport.capabilities().max_message_size;
            let reply = exchange(ready).await.map_err(|error| subject.name(error))?;
            read(reply, limit).map_err(|error| match error {
                CallError::Service(error) => CallError::Service(error),
                CallError::Rpc(error) => CallError::Rpc(subject.name(error)),
            })
        }))
    }
}

impl<T, E> Future for CallFuture<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Call").field(&self.outgoing).finish()
    }
}

impl<T, E> fmt::Debug for CallFuture<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CallFuture")
    }
}

/// Sends the request and waits for its reply.
async fn exchange(ready: Ready) -> Result<Reply, Error> {
    let Ready { transport, destination, mut request, deadline, needs_consumer, idempotent } = ready;
    if matches!(&destination, Destination::Request(target) if target.route() == Route::Fanout) {
        let message = "a call has one answer, so it cannot go to every server";
        return Err(Error::new(Code::InvalidArguments, message).with_phase(Phase::Publish));
    }
    if needs_consumer {
        require_consumers(&transport, &destination, deadline).await?;
    }
    // The place in the table exists before the request leaves, so no reply can come too early; and it is given
    // back by its own drop, wherever this future ends.
    let listening = async {
        tokio::select! {
            biased;
            listening = transport.replies().wait() => listening,
            refused = refused(&transport) => Err(refused),
        }
    };
    let (address, mut slot) = tokio::time::timeout_at(deadline.instant(), listening)
        .await
        .map_err(|_| not_connected(&transport))??;
    request.reply_to = Some((address, slot.correlation_id.clone()));
    tracing::trace!(%destination, method = %request.method, request_id = %request.context.request_id, "call");
    let again = idempotent.then(|| request.clone());
    let (mut sent, mut in_doubt) = (0, None);
    let published = loop {
        request.time_to_live = Some(deadline.remaining());
        let mut publishing = pin!(transport.publish(&destination, Message::Request(request), deadline));
        let published = tokio::select! {
            // The reply does not wait for the confirm.
            biased;
            reply = &mut slot.reply => return received(reply),
            published = &mut publishing => published,
        };
        sent += 1;
        match (published, again.clone()) {
            // A second copy has the same message id, so a server that has both runs one and answers both.
            (Err(error), Some(copy)) if is_lost(&error) && sent < MOST_SENDINGS && !deadline.has_passed() => {
                tracing::debug!(%error, "an idempotent call is sent again");
                request = copy;
                // Whoever runs it has to know that it may have run.
                request.context.attempt = request.context.attempt.saturating_add(sent);
                in_doubt.get_or_insert(error);
            }
            (published, _) => break published,
        }
    };
    // A copy that was not sent says nothing about the one before it.
    let published = published.map_err(|error| in_doubt.unwrap_or(error));
    match published {
        Ok(()) => match wait(&mut slot, deadline).await {
            Some(reply) => reply,
            None => Err(transport.evidence().too_late(&transport, &destination).await),
        },
        // The link broke after the request had left. It may have arrived, and the reply address outlives the
        // link: the answer can come yet.
        Err(error) if error.executed() == Executed::Unknown => {
            wait(&mut slot, deadline).await.unwrap_or(Err(error))
        }
        Err(error) => Err(error),
    }
}

/// How often an idempotent request is sent over links that break under it.
const MOST_SENDINGS: u32 = 4;

/// Whether the link broke before it was known what became of the request.
fn is_lost(error: &Error) -> bool {
    error.code() == Code::Unavailable && error.executed() == Executed::Unknown
}

async fn wait(slot: &mut Slot, deadline: Deadline) -> Option<Result<Reply, Error>> {
    tokio::select! {
        biased;
        reply = slot.reply() => Some(reply),
        () = sleep_until(deadline.instant()) => None,
    }
}

/// Why a call need not wait for its deadline, as soon as nobody but a person can help.
async fn refused(transport: &SharedTransport) -> Error {
    match transport.status().wait_for(|status| status.state == LinkState::Refused).await {
        Some(status) => Error::new(Code::Unavailable, format!("not connected: {status}"))
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Connect),
        // Nobody tells any more; the wait ends otherwise.
        None => std::future::pending().await,
    }
}

fn not_connected(transport: &SharedTransport) -> Error {
    let status = transport.status().now();
    let message = match transport.replies().lack() {
        Some(lack) => format!("could not listen for replies before the deadline: {lack} (link: {status})"),
        None => format!("could not listen for replies before the deadline (link: {status})"),
    };
    Error::new(Code::DeadlineExceeded, message).with_executed(Executed::NotSent).with_phase(Phase::Connect)
}
