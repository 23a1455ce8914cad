//! Replies.

use bytes::Bytes;
use lapin::BasicProperties;
use rpc_core::message::{Failure, Malformed, Outcome, Reply};
use rpc_core::{Code, ContentType, CorrelationId, Error, MessageId, Payload};
use serde_json::value::RawValue;

use super::exception::PythonExceptions;
use super::fields::Fields;
use super::object::Object;
use super::properties::properties;
use super::{body, failure, too_large, words};

/// A reply without an expiry: the queue has one.
pub(super) fn encode(
    reply: &Reply,
    exceptions: &dyn PythonExceptions,
) -> Result<(BasicProperties, Bytes), Error> {
    let outcome = match &reply.outcome {
        Outcome::Success(payload) => result(payload),
        Outcome::Failure(failure) => Err(failure.clone()),
    };
    // All keys are always there: Python waits on, or fails, when one is missing.
    let message = match &outcome {
        Ok(result) => Object::new().raw(words::RESULT, result).raw(words::FAILURE, "null"),
        Err(why) => {
            let failure = failure::encode(why, exceptions);
            Object::new().raw(words::RESULT, "null").text(words::FAILURE, &failure)
        }
    };
    let message = message
        .raw(words::ENDING, "true")
        .text(words::CORRELATION_ID, reply.correlation_id.as_str())
        .text(words::MESSAGE_ID, reply.message_id.as_str());
    Ok((properties(None)?, body::seal(&message.finish())))
}

/// The result, or that it cannot be told.
fn result(payload: &Payload) -> Result<&str, Failure> {
    let is_json = payload.content_type == ContentType::Json && payload.content_encoding.is_none();
    let result = match payload.body.trim_ascii() {
        b"" => return Ok("null"),
        body if is_json => serde_json::from_slice::<&RawValue>(body).ok().map(RawValue::get),
        _ => None,
    };
    result.ok_or_else(|| Failure::new(Code::RemoteError, "the method ran, but its result is not JSON"))
}

pub(super) fn decode(fields: &Fields<'_>, limit: usize) -> Result<Reply, Malformed> {
    let correlation_id = fields
        .text(words::CORRELATION_ID)?
        .and_then(|id| CorrelationId::parse(&id))
        .ok_or_else(|| Malformed::new("a reply without a _msg_id"))?;
    let result = fields.raw(words::RESULT);
    let why = fields.raw(words::FAILURE).filter(|why| !failure::is_none(why));
    let is_last = fields.get::<bool>(words::ENDING).unwrap_or(true);
    if !is_last && result.is_none() && why.is_none() {
        return Err(Malformed::new("a sign of life, and no reply: the method is running"));
    }
    let length = result.or(why).map_or(0, str::len);
    if length > limit {
        return Err(too_large("the reply", length, limit).with_answers(Some(correlation_id)));
    }
    let outcome = if let Some(why) = why {
        Outcome::Failure(failure::decode(why))
    } else {
        let result = Bytes::copy_from_slice(result.unwrap_or("null").as_bytes());
        Outcome::Success(Payload::new(ContentType::Json, result))
    };
    let mut reply = Reply::new(correlation_id, outcome);
    if let Some(id) = fields.get::<String>(words::MESSAGE_ID).and_then(|id| MessageId::parse(&id)) {
        reply.message_id = id;
    }
    Ok(reply)
}
