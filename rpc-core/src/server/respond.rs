//! Tells callers how their requests ended.

use std::time::Duration;

use crate::codec::Compression;
use crate::deadline::Deadline;
use crate::error::{Code, Executed};
use crate::identity::CorrelationId;
use crate::message::{Failure, Message, Outcome, Reply, Request};
use crate::payload::{ContentType, Payload};
use crate::reply_address::ReplyAddress;
use crate::target::Target;
use crate::transport::{Acknowledger, Destination, SharedTransport};

pub(super) struct Responder {
    transport: SharedTransport,
    target: Target,
    server: String,
    max_message_size: usize,
    compression: Compression,
}

impl Responder {
    /// How long a reply to a call without a deadline may take to reach the broker.
    const REPLY_LIMIT: Duration = Duration::from_secs(30);
    /// How often a reply is sent over links that break under it.
    const MOST_ATTEMPTS: u32 = 4;

    pub(super) fn new(transport: &SharedTransport, target: Target, compression: Compression) -> Self {
        Self {
            server: target.server_name().unwrap_or_default().to_owned(),
            target,
            max_message_size: transport.capabilities().max_message_size,
            transport: transport.clone(),
            compression,
        }
    }

    /// Sends the outcome of `request`, which has a reply address. `Ok` once the broker has confirmed it.
    pub(super) async fn reply(&self, request: &Request, outcome: Outcome) -> Result<(), Code> {
        self.send_ready(request, self.ready(request, outcome)).await
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

    /// Sends an outcome of [`ready`](Self::ready).
    pub(super) async fn send_ready(&self, request: &Request, outcome: Outcome) -> Result<(), Code> {
        let Some((address, correlation_id)) = &request.reply_to else { return Ok(()) };
        self.send(address, Reply::new(correlation_id.clone(), outcome), request.context.deadline).await
    }

    /// Sends a failure. `Ok` once the broker has confirmed it.
    pub(super) async fn fail(
        &self,
        address: &ReplyAddress,
        correlation_id: &CorrelationId,
        content_type: ContentType,
        deadline: Option<Deadline>,
        failure: Failure,
    ) -> Result<(), Code> {
        let failure = with_content_type(failure, content_type);
        let reply = Reply::new(correlation_id.clone(), Outcome::Failure(failure));
        self.send(address, reply, deadline).await
    }

    /// Tells the caller of a request that will not run, or keeps the request where a person can find it.
    pub(super) async fn answer_or_dead_letter(
        &self,
        request: &Request,
        failure: Failure,
        acknowledger: Acknowledger,
    ) {
        match &request.reply_to {
            Some((address, correlation_id)) => {
                let content_type = request.arguments.content_type;
                // A caller that is gone needs no answer.
                let _ =
                    self.fail(address, correlation_id, content_type, request.context.deadline, failure).await;
                drop(acknowledger.ack());
            }
            None => self.dead_letter(acknowledger, failure.code, &failure.message),
        }
    }

    /// Moves a message that nobody can be told about to the dead-letter queue.
    pub(super) fn dead_letter(&self, acknowledger: Acknowledger, code: Code, reason: &str) {
        tracing::warn!(target = %self.target, server = %self.server, %code, reason, "rejected a message");
        drop(acknowledger.reject(code, reason));
    }

    async fn send(
        &self,
        address: &ReplyAddress,
        mut reply: Reply,
        deadline: Option<Deadline>,
    ) -> Result<(), Code> {
        reply.server = Some(self.server.clone());
        let limit = Deadline::after(Self::REPLY_LIMIT).earlier(deadline);
        let destination = Destination::Reply(address.clone());
        let mut attempts = 0;
        loop {
            attempts += 1;
            reply.time_to_live = deadline.map(Deadline::remaining);
            let published = self.transport.publish(&destination, Message::Reply(reply.clone()), limit).await;
            let Err(error) = published else { return Ok(()) };
            // The link broke before the confirm came. Sent twice does no harm: the caller takes the first.
            let is_lost = error.code() == Code::Unavailable && error.executed() == Executed::Unknown;
            if !is_lost || attempts == Self::MOST_ATTEMPTS || limit.has_passed() {
                tracing::debug!(server = %self.server, %error, "a reply did not reach its caller");
                return Err(error.code());
            }
        }
    }
}

/// As the arguments came, so that whoever sent them can read it.
fn with_content_type(failure: Failure, content_type: ContentType) -> Failure {
    let data = Payload { content_type, ..failure.data };
    Failure { data, ..failure }
}
