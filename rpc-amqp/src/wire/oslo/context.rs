//! The context, whose keys stand beside those of the message.

use rpc_core::{Context, Metadata, RequestId, TraceContext, Value};

use super::fields::Fields;
use super::object::Object;
use super::words;

const REQUEST_ID: &str = "request_id";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";
/// Python puts these into the context of its endpoints itself, and a server that hands its context on sends them along.
const RESERVED: [&str; 3] = ["msg_id", "reply_q", "client_timeout"];

/// The context in `fields`: text is metadata, and what metadata cannot hold is kept as it is. What cannot be read is left
/// out, since the request can do without.
pub(super) fn decode(fields: &Fields<'_>) -> Context {
    let text = |name: &str| fields.get::<String>(&format!("{}{name}", words::CONTEXT));
    let request_id = text(REQUEST_ID).and_then(|id| RequestId::parse(&id));
    let mut context = Context::with_request_id(request_id.unwrap_or_default());
    context.trace = TraceContext::from_headers(text(TRACEPARENT), text(TRACESTATE), text(BAGGAGE));
    let mut foreign = Vec::new();
    let is_own = |name: &str| {
        [REQUEST_ID, TRACEPARENT, TRACESTATE, BAGGAGE].contains(&name) || RESERVED.contains(&name)
    };
    for (name, value) in fields.under(words::CONTEXT).filter(|(name, _)| !is_own(name)) {
        match serde_json::from_str::<Value>(value) {
            Ok(Value::Text(text)) if context.metadata.insert(name, text.as_str()).is_ok() => {}
            Ok(value) => foreign.push((name.to_owned(), value)),
            Err(_) => {}
        }
    }
    context.foreign = foreign.into_iter().collect();
    context
}

/// Adds the context to a message.
pub(super) fn encode(object: Object, context: &Context) -> Object {
    let Context { request_id, trace, metadata, foreign, .. } = context;
    let texts = [
        (REQUEST_ID, Some(request_id.as_str())),
        (TRACEPARENT, trace.parent.as_deref()),
        (TRACESTATE, trace.state.as_deref()),
        (BAGGAGE, trace.baggage.as_deref()),
    ];
    let is_own = |name: &str| texts.iter().any(|(own, _)| *own == name) || RESERVED.contains(&name);
    let key = |name: &str| format!("{}{name}", words::CONTEXT);
    let object = texts.into_iter().fold(object, |object, (name, value)| object.maybe_text(&key(name), value));
    let object = metadata
        .iter()
        .filter(|(name, _)| !is_own(name))
        .fold(object, |object, (name, value)| object.text(&key(name), value));
    foreign
        .iter()
        .filter(|(name, _)| !is_own(name) && is_free(metadata, name))
        .fold(object, |object, (name, value)| object.value(&key(name), value))
}

/// What a handler has set since wins.
fn is_free(metadata: &Metadata, name: &str) -> bool {
    metadata.get(name).is_none()
}
