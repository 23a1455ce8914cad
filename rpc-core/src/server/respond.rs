//! Tells callers how their requests ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::patience::{MayWait, Next, Patience, Waiting};
use super::worker::Worker;
use crate::codec::Compression;
use crate::deadline::Deadline;
use crate::error::{Code, Error, Executed};
use crate::identity::{CorrelationId, MessageId};
use crate::message::{Failure, Message, Outcome, Reply, Request};
use crate::payload::{ContentType, Payload};
use crate::rejections::Rejections;
use crate::reply_address::ReplyAddress;
use crate::target::Target;
use crate::transport::{Acknowledger, Destination, OnFailure, SharedTransport};

pub(super) struct Responder {
    transport: SharedTransport,
    target: Target,
    server: Arc<str>,
    max_message_size: usize,
    compression: Compression,
    patience: Patience,
    rejections: Arc<Rejections>,
    /// What the server waits for before it ends.
    running: TaskTracker,
    runtime: Handle,
}

/// A reply that is being sent.
struct Sending {
    /// One for all copies: whoever gathers the answers of many servers takes each answer once.
    message_id: MessageId,
    waiting: Option<Waiting>,
    lost: u32,
    refused: u32,
}

impl Responder {
    /// How long a reply to a call without a deadline may take to reach the broker, each time that it is sent.
    const REPLY_LIMIT: Duration = Duration::from_secs(30);
    /// How often a reply is sent over links that break under it.
    const MOST_LOST: u32 = 4;

    /// On the runtime that this is called in.
    pub(super) fn new(
        transport: &SharedTransport,
        target: Target,
        compression: Compression,
        prefetch: u16,
        (running, kill): (TaskTracker, CancellationToken),
    ) -> Self {
        Self {
            server: target.server_name().unwrap_or_default().into(),
            target,
            max_message_size: transport.capabilities().max_message_size,
            transport: transport.clone(),
            compression,
            patience: Patience::new(prefetch, kill),
            rejections: Arc::default(),
            running,
            runtime: Handle::current(),
        }
    }

    /// What was moved to the dead-letter queue.
    pub(super) fn rejections(&self) -> Arc<Rejections> {
        Arc::clone(&self.rejections)
    }

    /// The outcome as it travels: compressed, and with an error in place of what is too large.
    pub(super) fn ready(&self, request: &Request, outcome: Outcome) -> Outcome {
        let content_type = request.arguments.content_type;
        let compression = if request.accept_encoding.is_some() { self.compression } else { Compression::Off };
        let (outcome, size) = match outcome {
            Outcome::Success(payload) => {
                let payload = compression.apply(payload);
                let size = payload.body.len();
                (Outcome::Success(payload), size)
            }
            Outcome::Failure(failure) => {
                let data = Payload { content_type, ..compression.apply(failure.data) };
                let size = data.body.len();
                (Outcome::Failure(Failure { data, ..failure }), size)
            }
        };
        if size <= self.max_message_size {
            return outcome;
        }
        let message = format!(
            "the method ran, but its result has {size} bytes and the limit is {}",
            self.max_message_size
        );
        let failure = Failure { executed: Executed::Executed, ..Failure::new(Code::TooLarge, message) };
        Outcome::Failure(with_content_type(failure, content_type))
    }

    /// Sends an outcome of [`ready`](Self::ready), if somebody waits for it. `Ok` once the broker has confirmed it. A
    /// caller who is away for a moment is waited for, without the worker. `unsettled` is the request, if it is settled only
    /// afterwards, by whoever asks; one that waits beside too many others is settled here.
    pub(super) async fn reply(
        &self,
        request: &Request,
        outcome: &Outcome,
        worker: &mut Worker,
        unsettled: &mut Option<Acknowledger>,
    ) -> Result<(), Code> {
        let Some(to) = &request.reply_to else { return Ok(()) };
        let deadline = request.context.deadline;
        let may_wait = MayWait { worker: Some(worker), deadline, request: unsettled };
        self.send(to, outcome, deadline, Some(may_wait), Sending::new()).await
    }

    /// Sends an outcome of [`ready`](Self::ready) without waiting for the broker, as the answer to a request that is
    /// settled: nothing is left to be done when it arrives. If it does not, it is sent on by a task of its own. `false` when
    /// the transport cannot take it so.
    pub(super) fn post(self: &Arc<Self>, request: &Arc<Request>, outcome: &Outcome) -> bool {
        let Some((address, correlation_id)) = &request.reply_to else { return true };
        // Somebody has to say who is there again.
        if self.patience.misses_anybody() {
            return false;
        }
        let (destination, sending) = (Destination::Reply(address.clone()), Sending::new());
        let deadline = request.context.deadline;
        let limit = Deadline::after(Self::REPLY_LIMIT).earlier(deadline);
        let reply = self.message(correlation_id, &sending.message_id, outcome, deadline);
        let reply = match self.transport.transport().publish_now(&destination, reply, limit) {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => {
                self.goes_on(request, outcome, sending, limit)(error);
                return true;
            }
            Err(reply) => reply,
        };
        let on_failure = OnFailure::new(self.goes_on(request, outcome, sending, limit));
        match self.transport.transport().post(&destination, reply, limit, on_failure) {
            Ok(()) => true,
            Err((_, on_failure)) => {
                on_failure.tell(Ok(()));
                false
            }
        }
    }

    /// What sends a reply on that did not arrive before `limit`, when it hears why.
    fn goes_on(
        self: &Arc<Self>,
        request: &Arc<Request>,
        outcome: &Outcome,
        mut sending: Sending,
        limit: Deadline,
    ) -> impl FnOnce(Error) + Send + use<> {
        let (responder, request, outcome) = (Arc::clone(self), Arc::clone(request), outcome.clone());
        // Until then the server does not end.
        let running = self.running.token();
        move |error| {
            let runtime = responder.runtime.clone();
            runtime.spawn(async move {
                let Some(to) = &request.reply_to else { return };
                let deadline = request.context.deadline;
                let mut may_wait = MayWait { worker: None, deadline, request: &mut None };
                let again = responder.after(error, &mut sending, &to.0, limit, Some(&mut may_wait)).await;
                if again.is_ok() {
                    // A caller that is gone needs no answer.
                    let _ = responder.send(to, &outcome, deadline, Some(may_wait), sending).await;
                }
                drop(running);
            });
        }
    }

    /// Tells the sender of a message that is no request. `Ok` once the broker has confirmed it.
    pub(super) async fn refuse(
        &self,
        to: &(ReplyAddress, CorrelationId),
        failure: Failure,
    ) -> Result<(), Code> {
        let failure = with_content_type(failure, ContentType::default());
        self.send(to, &Outcome::Failure(failure), None, None, Sending::new()).await
    }

    /// Tells the caller of a request that will not run, or keeps the request where a person can find it.
    pub(super) async fn answer_or_dead_letter(
        &self,
        request: &Request,
        failure: Failure,
        acknowledger: Acknowledger,
        worker: &mut Worker,
    ) {
        if request.reply_to.is_none() {
            if is_no_error(request, &failure) {
                tracing::debug!(method = %request.method, request_id = %request.context.request_id, "no such method");
                self.rejections.count();
                return drop(acknowledger.reject(failure.code, &failure.message));
            }
            return self.dead_letter(acknowledger, failure.code, &failure.message);
        }
        let failure = with_content_type(failure, request.arguments.content_type);
        // A caller that is gone needs no answer.
        let mut unsettled = Some(acknowledger);
        let _ = Box::pin(self.reply(request, &Outcome::Failure(failure), worker, &mut unsettled)).await;
        drop(unsettled.map(Acknowledger::ack));
    }

    /// Moves a message that nobody can be told about to the dead-letter queue.
    pub(super) fn dead_letter(&self, acknowledger: Acknowledger, code: Code, reason: &str) {
        if let Some(count) = self.rejections.rejected(Instant::now()) {
            tracing::warn!(
                target = %self.target, server = %self.server, %code, reason, count,
                "rejected messages, the last of them for this reason"
            );
        }
        drop(acknowledger.reject(code, reason));
    }

    fn message(
        &self,
        correlation_id: &CorrelationId,
        message_id: &MessageId,
        outcome: &Outcome,
        deadline: Option<Deadline>,
    ) -> Message {
        let mut reply = Reply::new(correlation_id.clone(), outcome.clone());
        reply.message_id = message_id.clone();
        reply.server = Some(Arc::clone(&self.server));
        reply.time_to_live = deadline.map(Deadline::remaining);
        Message::from(reply)
    }

    async fn send(
        &self,
        (address, correlation_id): &(ReplyAddress, CorrelationId),
        outcome: &Outcome,
        deadline: Option<Deadline>,
        mut may_wait: Option<MayWait<'_>>,
        mut sending: Sending,
    ) -> Result<(), Code> {
        let destination = Destination::Reply(address.clone());
        loop {
            let limit = Deadline::after(Self::REPLY_LIMIT).earlier(deadline);
            let reply = self.message(correlation_id, &sending.message_id, outcome, deadline);
            let published = self.transport.publish(&destination, reply, limit).await;
            let Err(error) = published else {
                self.patience.reached(address);
                return Ok(());
            };
            Box::pin(self.after(error, &mut sending, address, limit, may_wait.as_mut())).await?;
        }
    }

    /// Waits until a reply that did not arrive may be sent once more; why not, otherwise.
    async fn after(
        &self,
        error: Error,
        sending: &mut Sending,
        address: &ReplyAddress,
        limit: Deadline,
        may_wait: Option<&mut MayWait<'_>>,
    ) -> Result<(), Code> {
        // The link broke before the confirm came. Sent twice does no harm: the caller takes the first.
        let is_lost = error.code() == Code::Unavailable && error.executed() == Executed::Unknown;
        sending.lost += u32::from(is_lost);
        let next = if error.is_unroutable() {
            self.patience.after_unroutable(address, may_wait, &mut sending.waiting).await
        } else if error.code() == Code::Overloaded && !limit.has_passed() {
            sending.refused += 1;
            self.patience.after_refusal(sending.refused).await
        } else if is_lost && sending.lost < Self::MOST_LOST && !limit.has_passed() {
            Next::Try
        } else {
            Next::GiveUp
        };
        match next {
            Next::Try => Ok(()),
            Next::GiveUp => {
                tracing::debug!(server = %self.server, %error, "a reply did not reach its caller");
                Err(error.code())
            }
            Next::Killed => Err(Code::Unavailable),
        }
    }
}

impl Sending {
    fn new() -> Self {
        Self { message_id: MessageId::random(), waiting: None, lost: 0, refused: 0 }
    }
}

/// Whether nobody wants to read in a log that the method is missing: oslo.messaging's way to try a method that not every
/// server has is its name.
fn is_no_error(request: &Request, failure: &Failure) -> bool {
    failure.code == Code::NoSuchMethod && request.method.ends_with("_ignore_errors")
}

/// As the arguments came, so that whoever sent them can read it.
fn with_content_type(failure: Failure, content_type: ContentType) -> Failure {
    let data = Payload { content_type, ..failure.data };
    Failure { data, ..failure }
}
