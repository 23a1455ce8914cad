//! What travels with a message besides its content.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::{Context, Deadline, MessageId, Metadata, RequestId, TraceContext};

use super::super::headers::{number, own_text, text};
use super::super::words;

/// The longest idempotency key that is kept, in bytes.
const LONGEST_KEY: usize = 255;

/// The context in `headers`; `time_to_live` is the broker's own expiry, for senders that give only that.
pub(super) fn decode(
    properties: &BasicProperties,
    headers: &FieldTable,
    message_id: &MessageId,
    time_to_live: Option<Duration>,
    redelivered: bool,
) -> Context {
    let request_id = text(headers, words::REQUEST_ID).and_then(|id| RequestId::parse(&id));
    // The first request of a piece of work gives it its name.
    let request_id = request_id.or_else(|| RequestId::parse(message_id.as_str()));
    let mut context = Context::with_request_id(request_id.unwrap_or_default());
    context.message_id = Some(message_id.clone());
    context.deadline =
        number(headers, words::TIMEOUT_MS).map(Duration::from_millis).or(time_to_live).map(Deadline::after);
    context.attempt = attempt(headers, redelivered);
    context.idempotency_key =
        own_text(headers, words::IDEMPOTENCY_KEY).filter(|key| key.len() <= LONGEST_KEY);
    context.trace = TraceContext::from_headers(
        own_text(headers, words::TRACEPARENT),
        own_text(headers, words::TRACESTATE),
        own_text(headers, words::BAGGAGE),
    );
    context.metadata = metadata(headers);
    context.sender = properties.user_id().as_ref().map(|user| user.as_str().to_owned());
    context
}

/// The attempt that it was sent as, and what the broker adds: the deliveries before this one, of which a classic queue
/// knows only whether there were any.
pub(in crate::wire) fn attempt(headers: &FieldTable, redelivered: bool) -> u32 {
    let sent = number(headers, words::ATTEMPT).unwrap_or(1).max(1);
    let earlier = number(headers, words::DELIVERY_COUNT).unwrap_or(0).max(redelivered.into());
    u32::try_from(sent.saturating_add(earlier)).unwrap_or(u32::MAX)
}

/// Pairs that do not fit are dropped: they come from a sender with other limits, and the request can do without.
fn metadata(headers: &FieldTable) -> Metadata {
    let mut metadata = Metadata::default();
    for key in headers.inner().keys() {
        if let Some(name) = key.as_str().strip_prefix(words::META)
            && let Some(value) = own_text(headers, key.as_str())
        {
            let _ = metadata.insert(name, value);
        }
    }
    metadata
}
