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
        .value(words::ENDING, &reply.ending)
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
    // A failure is the end, whatever else it says: what could follow it?
    let ending = why.is_some() || fields.get::<bool>(words::ENDING).unwrap_or(true);
    let length = result.or(why).map_or(0, str::len);
    if length > limit {
        return Err(too_large("the reply", length, limit).with_answers(Some(correlation_id)));
    }
    let mut reply = match (why, result) {
        (Some(why), _) => Reply::new(correlation_id, Outcome::Failure(failure::decode(why))),
        (None, None) if !ending => Reply::running(correlation_id),
        (None, result) => {
            let result = Bytes::copy_from_slice(result.unwrap_or("null").as_bytes());
            Reply::new(correlation_id, Outcome::Success(Payload::new(ContentType::Json, result)))
        }
    };
    reply.ending = ending;
    if let Some(id) = fields.get::<String>(words::MESSAGE_ID).and_then(|id| MessageId::parse(&id)) {
        reply.message_id = id;
    }
    Ok(reply)
}
