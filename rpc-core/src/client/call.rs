//! A call: waits for the reply.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::sleep_until;

use super::again::{Again, Next};
use super::call_monitor::{self, Unanswered};
use super::evidence::require_consumers;
use super::listener::Listener;
use super::outgoing::{Outgoing, Ready};
use super::pending::Pending;
use super::replies::Slot;
use super::waiter::Received;
use crate::cancellation::Signal;
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::{CallError, Code, Error, Executed, Phase};
use crate::message::{Message, Reply, Request};
use crate::payload::Payload;
use crate::progress::NoProgress;
use crate::reply_address::ReplyAddress;
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
/// A request that the broker refuses, as a full queue does and a replicated one while it changes its leader, is offered
/// again for half of the time limit, 5 s at most.
///
/// Awaited where it stands it runs as part of its task; `tokio::spawn(call.into_future())` makes it run beside.
///
/// # Errors
///
/// [`CallError::Service`] with the method's own error, otherwise [`CallError::Rpc`]. Among the latter
/// [`Code::Unroutable`] within one round trip when nobody serves the target, [`Code::Overloaded`] when the broker goes on
/// refusing the request, [`Code::DeadlineExceeded`], and with a [call monitor](Call::call_monitor)
/// [`Code::Unresponsive`].
///
/// # Cancel safety
///
/// Dropping the call before it was awaited sends nothing. Dropping it later gives its place in the reply table
/// back at once, and cancels it: the servers of its target are told, by the task that takes replies in, so that `drop` waits for
/// nothing. A method that has not started by then does not, and one that runs is dropped at the await point where it stands, with
/// the calls that it waits for, which are cancelled in turn. Where the broker is at hand this takes some milliseconds. There is
/// no promise, and nobody is told what became of it: the method may have ended before, and a server that cannot be
/// asked about itself ([`ServerBuilder::introspection`](crate::ServerBuilder::introspection)) hears of nothing, as none does
/// over the wire of another framework. A method that is `uncancellable` runs as if somebody waited. At its deadline a method
/// is dropped in any case.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T, E, P = NoProgress> {
    outgoing: Outgoing,
    read: ReadReply<T, E>,
    listener: Option<Listener>,
    progress: PhantomData<fn() -> P>,
}

/// Reads a reply whose body may inflate to so many bytes.
pub(super) type ReadReply<T, E> = fn(Reply, usize) -> Result<T, CallError<E>>;

/// The future of a [`Call`].
#[must_use = "a call does nothing until it is awaited"]
pub struct CallFuture<T, E>(Pin<Box<dyn Future<Output = Result<T, CallError<E>>> + Send>>);

impl<T, E, P> Call<T, E, P> {
    pub(super) fn new(mut outgoing: Outgoing, read: ReadReply<T, E>) -> Self {
        outgoing.waits_for_reply = true;
        Self { outgoing, read, listener: None, progress: PhantomData }
    }

    /// Waits at most this long. Default: see [`Call`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Fails as [`Code::Unresponsive`] when no sign of life came from the server for `silence`, though the deadline is far:
    /// for long calls, whose server may die long before. Less than 100 ms counts as 100 ms, and [`Duration::ZERO`]
    /// listens for none, which is the default unless the client or the method says otherwise.
    ///
    /// The server sends a sign of life within a second of the start of the method, and then every half of `silence`. Before
    /// it starts there is none: so `silence` also bounds the wait for a free worker, counted from the moment in which the
    /// broker has taken the request. A server that knows nothing of this sends none.
    pub fn call_monitor(mut self, silence: Duration) -> Self {
        self.outgoing.call_monitor = Some(silence);
        self
    }

    /// Calls `hear` with what the method tells of its [`Progress`](crate::Progress), as it comes and before the call ends, in the
    /// task that waits for the call. Default: nobody listens, and nothing is sent.
    ///
    /// Of what comes faster than the task runs the latest 64 are kept. A server that knows nothing of this sends nothing, nor
    /// does any over the wire of another framework. What does not fit the type is left out.
    pub fn on_progress(mut self, hear: impl FnMut(P) + Send + 'static) -> Self
    where
        P: DeserializeOwned,
    {
        self.listener = Some(Listener::new(hear));
        self.outgoing.listens = true;
        self
    }

    /// Makes the call on behalf of `context`: its request id, deadline, trace and metadata. It ends as [`Code::Cancelled`] when
    /// the call that brought the context is [cancelled](Context::cancelled), also in another task. Default: that of the
    /// handler that runs, or a new one.
    pub fn context(mut self, context: &Context) -> Self {
        self.outgoing.context = Some(Box::new(context.clone()));
        self
    }

    /// Names this piece of work, the same over all its retries. Default: no name.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.outgoing.idempotency_key = Some(key.into());
        self
    }
}

impl<T: 'static, E: 'static, P> IntoFuture for Call<T, E, P> {
    type Output = Result<T, CallError<E>>;
    type IntoFuture = CallFuture<T, E>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { outgoing, read, listener, progress: _ } = self;
        CallFuture(Box::pin(async move {
            let mut ready = outgoing.ready()?;
            let limit = ready.transport.capabilities().max_message_size;
            let reply = match (ready.cancelled_with.take(), listener) {
                (None, None) => exchange(&mut ready).await,
                (cancelled, listener) => Box::pin(exchange_with(cancelled, listener, &mut ready)).await,
            };
            let reply = reply.map_err(|error| ready.name(error))?;
            read(Arc::unwrap_or_clone(reply), limit).map_err(|error| match error {
                CallError::Service(error) => CallError::Service(error),
                CallError::Rpc(error) => CallError::Rpc(ready.name(error)),
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

impl<T, E, P> fmt::Debug for Call<T, E, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Call").field(&self.outgoing).finish()
    }
}

impl<T, E> fmt::Debug for CallFuture<T, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CallFuture")
    }
}

/// Arguments up to so many bytes may be kept until the reply comes, which is mostly what tells that they arrived.
const SMALL: usize = 4 * 1_024;

/// As [`exchange`], until the call that this one is made for is `cancelled`, and with a `listener` for progress.
async fn exchange_with(cancelled: Option<Signal>, listener: Option<Listener>, ready: &mut Ready) -> Received {
    let inbox = ready.inbox.clone().unwrap_or_else(Listener::inbox);
    let exchanged = async {
        match listener {
            Some(listener) => listener.beside(&inbox, exchange(ready)).await,
            None => exchange(ready).await,
        }
    };
    let Some(cancelled) = cancelled else { return exchanged.await };
    tokio::select! {
        biased;
        () = cancelled.given() => {
            let message = "the call that this one was made for was cancelled";
            Err(Error::new(Code::Cancelled, message))
        }
        received = exchanged => received,
    }
}

/// Sends the request and waits for its reply.
async fn exchange(ready: &mut Ready) -> Received {
    let Ready { transport, destination, request, deadline, inbox, .. } = ready;
    let (destination, deadline) = (&*destination, *deadline);
    if matches!(destination, Destination::Request(target) if target.route() == Route::Fanout) {
        let message = "a call has one answer, so it cannot go to every server: gather the answers instead";
        return Err(Error::new(Code::InvalidArguments, message).with_phase(Phase::Publish));
    }
    if ready.needs_consumer {
        Box::pin(require_consumers(transport, destination, deadline)).await?;
    }
    // The place in the table exists before the request leaves, so no reply can come too early; and it is given
    // back by its own drop, wherever this future ends.
    let (address, slot) = match transport.replies().now() {
        Some(place) => place?,
        None => Box::pin(listening(transport, deadline)).await?,
    };
    Arc::make_mut(request).reply_to = Some((address, slot.correlation_id()));
    tracing::trace!(%destination, method = %request.method, request_id = %request.context.request_id, "call");
    let again = Again::new(ready.idempotent, deadline);
    // What ends before its end, at whichever await point, was given up.
    let mut slot = Pending::new(slot, destination, deadline, ready.cancellable, inbox.as_ref());
    let received = ask(transport, destination, request, again, &mut slot).await;
    slot.ended();
    received
}

/// Sends the request, and again if that makes sense, and waits for its reply in `slot`.
async fn ask(
    transport: &SharedTransport,
    destination: &Destination,
    request: &mut Arc<Request>,
    mut again: Again,
    slot: &mut Pending<'_>,
) -> Received {
    let deadline = again.deadline();
    let attempt = request.context.attempt;
    let is_small = request.arguments.body.len() <= SMALL;
    let published = loop {
        Arc::make_mut(request).time_to_live = Some(deadline.remaining());
        let message = Message::Request(Arc::clone(request));
        slot.leaves();
        let published = tokio::select! {
            // The reply does not wait for the confirm.
            biased;
            reply = slot.early_reply() => return reply,
            published = transport.publish_perhaps_quietly(destination, message, deadline, is_small) => published,
        };
        let Err(error) = published else {
            // Not sent again from here on, and the body can be large.
            if let Some(request) = Arc::get_mut(request) {
                request.arguments = Payload::default();
            }
            break Ok(());
        };
        tracing::debug!(%error, "a request did not reach a queue");
        // What is said of it is not late.
        slot.leaves();
        let is_sent = error.executed() != Executed::NotSent || again.doubtful() > 0;
        if !is_sent {
            slot.has_not_left();
        }
        let pause = match again.after(error) {
            Next::GiveUp(error) => break Err(error),
            Next::Send { pause } => pause,
        };
        if again.doubtful() == 0 {
            // Nothing has been sent, so nothing can be lost with the reply queue; it may have to be listened to anew.
            tokio::time::sleep(pause).await;
            if !slot.is_good() {
                slot.give_back();
                let (address, place) = Box::pin(listening(transport, deadline)).await?;
                slot.moves(place);
                Arc::make_mut(request).reply_to = Some((address, slot.correlation_id()));
            }
        } else if let Some(reply) = wait(slot, Deadline::after(pause).earlier(Some(deadline))).await {
            return reply;
        }
        // A second copy has the same message id, so a server that has both runs one and answers both; and whoever runs it
        // has to know that it may have run.
        Arc::make_mut(request).context.attempt = attempt.saturating_add(again.doubtful());
    };
    let in_doubt = match published {
        Ok(()) => None,
        // The link broke after the request had left. It may have arrived, and the reply address outlives the
        // link: the answer can come yet.
        Err(error) if error.executed() == Executed::Unknown => Some(error),
        Err(error) => return Err(error),
    };
    let answer = match request.call_monitor {
        None => wait(slot, deadline).await.ok_or(Unanswered::AtDeadline),
        Some(silence) => Box::pin(call_monitor::listen(slot, silence, deadline)).await,
    };
    match (answer, in_doubt) {
        (Ok(answer), _) => answer,
        (Err(_), Some(error)) => Err(error),
        (Err(why), None) => Err(Box::pin(transport.evidence().unanswered(transport, destination, why)).await),
    }
}

async fn wait(slot: &mut Slot, deadline: Deadline) -> Option<Received> {
    tokio::select! {
        biased;
        reply = slot.reply() => Some(reply),
        () = sleep_until(deadline.instant()) => None,
    }
}

/// Waits until somebody listens for replies.
pub(super) async fn listening(
    transport: &SharedTransport,
    deadline: Deadline,
) -> Result<(ReplyAddress, Slot), Error> {
    let listening = async {
        tokio::select! {
            biased;
            listening = transport.replies().wait() => listening,
            refused = refused(transport) => Err(refused),
        }
    };
    tokio::time::timeout_at(deadline.instant(), listening)
        .await
        .unwrap_or_else(|_| Err(not_connected(transport)))
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
