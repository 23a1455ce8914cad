//! From a message to properties and body.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::ShortString;
use rpc_core::message::{Message, NotificationMessage, Outcome, Reply, Request};
use rpc_core::{Code, ContentEncoding, Context, Error, Executed, Payload, Phase};

use super::headers::{Headers, milliseconds};
use super::words;

const TRANSIENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// What `message` looks like on the native wire.
///
/// # Errors
///
/// [`Code::InvalidArguments`] when an id or an address is longer than 255 bytes.
pub(super) fn encode(message: Message) -> Result<(BasicProperties, Bytes), Error> {
    match message {
        Message::Request(request) => encode_request(&request),
        Message::Reply(reply) => encode_reply(&reply),
        Message::Notification(notification) => encode_notification(&notification),
    }
}

fn encode_request(request: &Request) -> Result<(BasicProperties, Bytes), Error> {
    let headers = Headers::default()
        .text(words::METHOD, &request.method)
        .maybe_text(words::NAMESPACE, request.namespace.as_deref())
        .text(words::VERSION, &request.version.to_string())
        .maybe_text(words::ACCEPT_ENCODING, request.accept_encoding.map(ContentEncoding::as_str))
        .maybe_milliseconds(words::CALL_MONITOR_MS, request.call_monitor);
    let headers = with_context(headers, &request.context);
    let mut properties = properties(words::REQUEST, &request.arguments)?
        .with_message_id(short("message id", request.message_id.as_str())?)
        .with_delivery_mode(if request.durable { PERSISTENT } else { TRANSIENT })
        .with_headers(headers.into_table());
    if let Some((address, correlation_id)) = &request.reply_to {
        properties = properties
            .with_reply_to(short("reply address", address.as_str())?)
            .with_correlation_id(short("correlation id", correlation_id.as_str())?);
    }
    if let Some(time) = request.time_to_live {
        properties = properties.with_expiration(short("expiration", &milliseconds(time).to_string())?);
    }
    Ok((properties, request.arguments.body.clone()))
}

fn encode_reply(reply: &Reply) -> Result<(BasicProperties, Bytes), Error> {
    let headers = Headers::default().maybe_text(words::SERVER, reply.server.as_deref());
    let headers = match &reply.outcome {
        Outcome::Success(_) if !reply.ending => headers.text(words::STATUS, words::RUNNING),
        Outcome::Success(_) => headers.text(words::STATUS, words::OK),
        Outcome::Failure(failure) => headers
            .text(words::STATUS, words::ERROR)
            .text(words::CODE, failure.code.as_str())
            .text(words::MESSAGE, &failure.message)
            .text(words::EXECUTED, failure.executed.as_str())
            .text(words::RETRYABLE, if failure.retryable { "true" } else { "false" })
            .maybe_milliseconds(words::RETRY_AFTER_MS, failure.retry_after)
            .maybe_text(words::ERROR_TYPE, failure.error_type.as_deref()),
    };
    let payload = reply.payload();
    let mut properties = properties(words::REPLY, payload)?
        .with_message_id(short("message id", reply.message_id.as_str())?)
        .with_correlation_id(short("correlation id", reply.correlation_id.as_str())?)
        .with_delivery_mode(TRANSIENT)
        .with_headers(headers.into_table());
    if let Some(time) = reply.time_to_live {
        properties = properties.with_expiration(short("expiration", &milliseconds(time).to_string())?);
    }
    Ok((properties, payload.body.clone()))
}

fn encode_notification(notification: &NotificationMessage) -> Result<(BasicProperties, Bytes), Error> {
    let headers = Headers::default()
        .text(words::EVENT_TYPE, &notification.event_type)
        .text(words::PUBLISHER_ID, &notification.publisher_id)
        .text(words::PRIORITY, notification.priority.as_str())
        .number(words::TIMESTAMP_MS, notification.timestamp_ms);
    let headers = with_context(headers, &notification.context);
    let properties = properties(words::NOTIFICATION, &notification.payload)?
        .with_message_id(short("message id", notification.message_id.as_str())?)
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(notification.timestamp_ms / 1_000)
        .with_headers(headers.into_table());
    Ok((properties, notification.payload.body.clone()))
}

fn properties(kind: &'static str, payload: &Payload) -> Result<BasicProperties, Error> {
    let properties = BasicProperties::default()
        .with_type(short("type", kind)?)
        .with_content_type(short("content type", payload.content_type.as_str())?);
    Ok(match payload.content_encoding {
        Some(encoding) => properties.with_content_encoding(short("content encoding", encoding.as_str())?),
        None => properties,
    })
}

fn with_context(headers: Headers, context: &Context) -> Headers {
    let remaining = context.deadline.map(|deadline| deadline.remaining());
    let headers = headers
        .text(words::REQUEST_ID, context.request_id.as_str())
        .maybe_milliseconds(words::TIMEOUT_MS, remaining)
        .maybe_text(words::IDEMPOTENCY_KEY, context.idempotency_key.as_deref())
        .maybe_text(words::TRACEPARENT, context.trace.parent.as_deref())
        .maybe_text(words::TRACESTATE, context.trace.state.as_deref())
        .maybe_text(words::BAGGAGE, context.trace.baggage.as_deref());
    let headers = match context.attempt {
        0 | 1 => headers,
        attempt => headers.number(words::ATTEMPT, attempt.into()),
    };
    context
        .metadata
        .iter()
        .fold(headers, |headers, (key, value)| headers.text(&format!("{}{key}", words::META), value))
}

fn short(what: &str, text: &str) -> Result<ShortString, Error> {
    ShortString::try_new(text).map_err(|_| {
        Error::new(Code::InvalidArguments, format!("the {what} is longer than 255 bytes"))
            .with_executed(Executed::NotSent)
            .with_phase(Phase::Publish)
    })
}
