//! From a message to properties and body.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::message::{Message, NotificationMessage, Outcome, Reply, Request};
use rpc_core::{ContentEncoding, Context, Error, Payload, Version};

use super::words;
use super::written::{Headers, Writer, Written};

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;
/// Octets that a property has room for.
const LONGEST: usize = 255;

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
        if request.version != Version::DEFAULT {
            headers.shown(words::VERSION, &request.version);
        }
        headers.maybe_text(words::ACCEPT_ENCODING, request.accept_encoding.map(ContentEncoding::as_str));
        headers.maybe_milliseconds(words::CALL_MONITOR_MS, request.call_monitor);
        headers.maybe_text(words::PROGRESS, request.progress.then_some(words::YES));
        write_context(headers, &request.context, request.message_id.as_str());
        headers.maybe_timeout(words::TIMEOUT_MS, unsaid(request));
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
    end(to, words::REQUEST, user, None)
}

fn encode_reply(reply: &Reply, user: Option<&str>) -> Result<Written, Error> {
    let mut to = begin(reply.payload());
    to.headers(|headers| match &reply.outcome {
        Outcome::Success(_) if reply.is_progress => headers.text(words::STATUS, words::PROGRESS),
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
    });
    to.delivery_mode(TRANSIENT);
    to.correlation_id(reply.correlation_id.as_str())?;
    if let Some(time) = reply.time_to_live {
        to.expiration(time);
    }
    to.message_id(reply.message_id.as_str())?;
    // Only to be read, and shorter for the broker than a header.
    end(to, words::REPLY, user, reply.server.as_deref().filter(|server| server.len() <= LONGEST))
}

fn encode_notification(notification: &NotificationMessage, user: Option<&str>) -> Result<Written, Error> {
    let mut to = begin(&notification.payload);
    to.headers(|headers| {
        headers.text(words::EVENT_TYPE, &notification.event_type);
        headers.text(words::PUBLISHER_ID, &notification.publisher_id);
        headers.text(words::PRIORITY, notification.priority.as_str());
        headers.number(words::TIMESTAMP_MS, notification.timestamp_ms);
        write_context(headers, &notification.context, notification.message_id.as_str());
        headers.maybe_timeout(
            words::TIMEOUT_MS,
            notification.context.deadline.map(|deadline| deadline.remaining()),
        );
    });
    to.delivery_mode(PERSISTENT);
    to.message_id(notification.message_id.as_str())?;
    to.timestamp(notification.timestamp_ms / 1_000);
    end(to, words::NOTIFICATION, user, None)
}

fn begin(payload: &Payload) -> Writer {
    let mut to = Writer::new();
    to.content_type(payload.content_type.as_str());
    if let Some(encoding) = payload.content_encoding {
        to.content_encoding(encoding.as_str());
    }
    to
}

fn end(
    mut to: Writer,
    kind: &'static str,
    user: Option<&str>,
    server: Option<&str>,
) -> Result<Written, Error> {
    to.kind(kind);
    if let Some(user) = user {
        to.user_id(user)?;
    }
    if let Some(server) = server {
        to.app_id(server)?;
    }
    Ok(to.finish())
}

/// What the caller still waits, if the expiration does not say so. It was set a moment ago, at most.
fn unsaid(request: &Request) -> Option<Duration> {
    let remaining = request.context.deadline?.remaining();
    let is_said = request
        .time_to_live
        .is_some_and(|time| time >= remaining && time - remaining < Duration::from_millis(10));
    (!is_said).then_some(remaining)
}

fn write_context(headers: &mut Headers<'_>, context: &Context, message_id: &str) {
    if context.request_id.as_str() != message_id {
        headers.text(words::REQUEST_ID, context.request_id.as_str());
    }
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
