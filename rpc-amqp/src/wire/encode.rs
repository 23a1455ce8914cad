//! From a message to properties and body.

use bytes::Bytes;
use rpc_core::message::{Message, NotificationMessage, Outcome, Reply, Request};
use rpc_core::{ContentEncoding, Context, Error, Payload};

use super::words;
use super::written::{Headers, Writer, Written};

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// What `message` looks like on the native wire, under the name of `user`.
///
/// # Errors
///
/// [`Code::InvalidArguments`](rpc_core::Code::InvalidArguments) when an id or an address is longer than 255 bytes.
pub(super) fn encode(message: &Message, user: Option<&str>) -> Result<(Written, Bytes), Error> {
    let written = match message {
        Message::Request(request) => encode_request(request, user),
        Message::Reply(reply) => encode_reply(reply, user),
        Message::Notification(notification) => encode_notification(notification, user),
    };
    Ok((written?, message.payload().body.clone()))
}

fn encode_request(request: &Request, user: Option<&str>) -> Result<Written, Error> {
    let mut to = begin(&request.arguments);
    to.headers(|headers| {
        headers.text(words::METHOD, &request.method);
        headers.maybe_text(words::NAMESPACE, request.namespace.as_deref());
        headers.shown(words::VERSION, &request.version);
        headers.maybe_text(words::ACCEPT_ENCODING, request.accept_encoding.map(ContentEncoding::as_str));
        headers.maybe_milliseconds(words::CALL_MONITOR_MS, request.call_monitor);
        write_context(headers, &request.context);
    });
    to.delivery_mode(if request.durable { PERSISTENT } else { TRANSIENT });
    if let Some((address, correlation_id)) = &request.reply_to {
        to.correlation_id(correlation_id.as_str())?;
        to.reply_to(address.as_str())?;
    }
    if let Some(time) = request.time_to_live {
        to.expiration(time);
    }
    to.message_id(request.message_id.as_str())?;
    end(to, words::REQUEST, user)
}

fn encode_reply(reply: &Reply, user: Option<&str>) -> Result<Written, Error> {
    let mut to = begin(reply.payload());
    to.headers(|headers| {
        headers.maybe_text(words::SERVER, reply.server.as_deref());
        match &reply.outcome {
            Outcome::Success(_) if !reply.ending => headers.text(words::STATUS, words::RUNNING),
            Outcome::Success(_) => headers.text(words::STATUS, words::OK),
            Outcome::Failure(failure) => {
                headers.text(words::STATUS, words::ERROR);
                headers.text(words::CODE, failure.code.as_str());
                headers.text(words::MESSAGE, &failure.message);
                headers.text(words::EXECUTED, failure.executed.as_str());
                headers.text(words::RETRYABLE, if failure.retryable { "true" } else { "false" });
                headers.maybe_milliseconds(words::RETRY_AFTER_MS, failure.retry_after);
                headers.maybe_text(words::ERROR_TYPE, failure.error_type.as_deref());
            }
        }
    });
    to.delivery_mode(TRANSIENT);
    to.correlation_id(reply.correlation_id.as_str())?;
    if let Some(time) = reply.time_to_live {
        to.expiration(time);
    }
    to.message_id(reply.message_id.as_str())?;
    end(to, words::REPLY, user)
}

fn encode_notification(notification: &NotificationMessage, user: Option<&str>) -> Result<Written, Error> {
    let mut to = begin(&notification.payload);
    to.headers(|headers| {
        headers.text(words::EVENT_TYPE, &notification.event_type);
        headers.text(words::PUBLISHER_ID, &notification.publisher_id);
        headers.text(words::PRIORITY, notification.priority.as_str());
        headers.number(words::TIMESTAMP_MS, notification.timestamp_ms);
        write_context(headers, &notification.context);
    });
    to.delivery_mode(PERSISTENT);
    to.message_id(notification.message_id.as_str())?;
    to.timestamp(notification.timestamp_ms / 1_000);
    end(to, words::NOTIFICATION, user)
}

fn begin(payload: &Payload) -> Writer {
    let mut to = Writer::new();
    to.content_type(payload.content_type.as_str());
    if let Some(encoding) = payload.content_encoding {
        to.content_encoding(encoding.as_str());
    }
    to
}

fn end(mut to: Writer, kind: &'static str, user: Option<&str>) -> Result<Written, Error> {
    to.kind(kind);
    if let Some(user) = user {
        to.user_id(user)?;
    }
    Ok(to.finish())
}

fn write_context(headers: &mut Headers<'_>, context: &Context) {
    headers.text(words::REQUEST_ID, context.request_id.as_str());
    headers.maybe_timeout(words::TIMEOUT_MS, context.deadline.map(|deadline| deadline.remaining()));
    headers.maybe_text(words::IDEMPOTENCY_KEY, context.idempotency_key.as_deref());
    headers.maybe_text(words::TRACEPARENT, context.trace.parent.as_deref());
    headers.maybe_text(words::TRACESTATE, context.trace.state.as_deref());
    headers.maybe_text(words::BAGGAGE, context.trace.baggage.as_deref());
    if context.attempt > 1 {
        headers.number(words::ATTEMPT, context.attempt.into());
    }
    for (key, value) in context.metadata.iter() {
        headers.text_under([words::META, key], value);
    }
}
