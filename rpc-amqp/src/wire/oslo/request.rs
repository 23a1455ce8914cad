//! Calls, casts and fanouts.

use std::borrow::Cow;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::message::{Malformed, Request};
use rpc_core::{ContentType, Deadline, Error, MessageId, Payload, Version};
use serde_json::value::RawValue;

use super::super::Arrived;
use super::super::decode::{attempt, expiration};
use super::fields::Fields;
use super::object::Object;
use super::properties::properties;
use super::{address, body, context, monitor, too_large, unspeakable, version, words};

pub(super) fn encode(request: &Request) -> Result<(BasicProperties, Bytes), Error> {
    let arguments = arguments(&request.arguments)?;
    let message = Object::new()
        .text(words::METHOD, &request.method)
        .raw(words::ARGUMENTS, arguments)
        .maybe_text(words::NAMESPACE, request.namespace.as_deref())
        .text(words::VERSION, &request.version.to_string());
    let message = match &request.reply_to {
        Some((address, correlation_id)) => message
            .text(words::CORRELATION_ID, correlation_id.as_str())
            .text(words::REPLY_QUEUE, address.as_str())
            .raw(words::MONITOR_TIMEOUT, &monitor::encode(request.call_monitor)?),
        None => message,
    };
    // The same when it is sent again, so that a server which has had it notices.
    let message = message.text(words::MESSAGE_ID, request.message_id.as_str());
    let message = context::encode(message, &request.context).finish();
    Ok((properties(request.time_to_live)?, body::seal(&message)))
}

/// The arguments by name; nothing is an empty object, which is the one form that Python takes for none.
fn arguments(payload: &Payload) -> Result<&str, Error> {
    if payload.content_type != ContentType::Json || payload.content_encoding.is_some() {
        return Err(unspeakable(
            "the oslo wire carries JSON that is not compressed: leave content_type and compression at their defaults",
        ));
    }
    let arguments = match payload.body.trim_ascii() {
        b"" | b"null" => return Ok("{}"),
        body => serde_json::from_slice::<&RawValue>(body).map(RawValue::get),
    };
    let arguments = arguments.map_err(|error| unspeakable(format!("the arguments are not JSON: {error}")))?;
    if !arguments.starts_with('{') {
        return Err(unspeakable("the arguments have to be a map by name: Python takes no others"));
    }
    Ok(arguments)
}

pub(super) fn decode(fields: &Fields<'_>, arrived: &Arrived<'_>, limit: usize) -> Result<Request, Malformed> {
    // Found first, because whatever else is wrong, its sender can then be told.
    let reply_to = address::find(fields)?;
    let request = decode_rest(fields, arrived, limit);
    match request {
        Ok(mut request) => {
            request.reply_to = reply_to;
            Ok(request)
        }
        Err(malformed) => Err(malformed.with_reply_to(reply_to)),
    }
}

fn decode_rest(fields: &Fields<'_>, arrived: &Arrived<'_>, limit: usize) -> Result<Request, Malformed> {
    let method = fields
        .text(words::METHOD)?
        .filter(|method| !method.is_empty())
        .ok_or_else(|| Malformed::new("the key method is empty"))?;
    let arguments = fields.raw(words::ARGUMENTS).unwrap_or("{}");
    if arguments.len() > limit {
        return Err(too_large("the arguments", arguments.len(), limit));
    }
    let arguments = Payload::new(ContentType::Json, Bytes::copy_from_slice(arguments.as_bytes()));
    let message_id = fields.get::<String>(words::MESSAGE_ID).and_then(|id| MessageId::parse(&id));
    let message_id = message_id.unwrap_or_else(MessageId::random);
    let time_to_live = expiration(arrived.properties);
    let mut context = context::decode(fields);
    context.message_id = Some(message_id.clone());
    context.deadline = time_to_live.map(Deadline::after);
    // In a header of ours, on a copy that a server has put back. Python sends none, and looks at none.
    let none = FieldTable::default();
    let headers = arrived.properties.headers().as_ref().unwrap_or(&none);
    context.attempt = attempt(headers, arrived.redelivered);
    context.sender = arrived.properties.user_id().as_ref().map(|user| user.as_str().to_owned());
    let mut request = Request::in_context(message_id, context, method, arguments);
    request.namespace = fields.text(words::NAMESPACE)?.map(Cow::Owned);
    request.call_monitor = fields.raw(words::MONITOR_TIMEOUT).and_then(monitor::decode);
    (request.version, request.version_text) = wanted(fields)?;
    request.time_to_live = time_to_live;
    request.durable = true;
    Ok(request)
}

/// The version that the caller needs, as text or, from a careless one, as a number; and the text of one with a third part.
fn wanted(fields: &Fields<'_>) -> Result<(Version, Option<Box<str>>), Malformed> {
    let Some(raw) = fields.raw(words::VERSION) else { return Ok((Version::DEFAULT, None)) };
    let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
    let version = version::parse(&text).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Malformed::new(format!("the version {shown:?} is none: it has to be major.minor, such as 1.0"))
    })?;
    let has_third_part = text.bytes().filter(|byte| *byte == b'.').count() > 1;
    Ok((version, has_third_part.then(|| text.into())))
}
