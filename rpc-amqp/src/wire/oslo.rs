//! The wire of oslo.messaging: what a message of a Python service looks like to AMQP.
//!
//! The properties say next to nothing. The body is a JSON object whose `oslo.message` is JSON once more, as text, and in
//! there are the method, its arguments, the way back and the context, side by side; a failure is JSON within that again.
//!
//! Writing is strict: the properties and keys that Python writes, and no other. Reading is liberal, and whatever a message
//! holds, it is either understood or refused by itself.

mod address;
mod body;
mod compression;
mod context;
mod exception;
mod failure;
mod fields;
mod ids;
mod mending;
mod monitor;
mod notification;
mod object;
mod properties;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod timestamp;
mod version;

use std::sync::Arc;

use bytes::Bytes;
use lapin::BasicProperties;
use rpc_core::message::{Malformed, Message, Outcome};
use rpc_core::{Code, ContentType, Error, Executed, Payload, Phase};

pub(crate) use self::address::{PREFIX, is_address, random_address};
pub(crate) use self::compression::compressed;
pub(crate) use self::exception::Exceptions;
pub use self::exception::{PythonException, PythonExceptions};
use self::fields::Fields;
use super::Arrived;

/// Keys and words of the layout.
mod words {
    pub(super) const VERSION_OF_ENVELOPE: &str = "oslo.version";
    pub(super) const MESSAGE: &str = "oslo.message";
    pub(super) const METHOD: &str = "method";
    pub(super) const ARGUMENTS: &str = "args";
    pub(super) const NAMESPACE: &str = "namespace";
    pub(super) const VERSION: &str = "version";
    pub(super) const CORRELATION_ID: &str = "_msg_id";
    pub(super) const REPLY_QUEUE: &str = "_reply_q";
    pub(super) const MONITOR_TIMEOUT: &str = "_timeout";
    pub(super) const MESSAGE_ID: &str = "_unique_id";
    pub(super) const CONTEXT: &str = "_context_";
    pub(super) const RESULT: &str = "result";
    pub(super) const FAILURE: &str = "failure";
    pub(super) const ENDING: &str = "ending";
    pub(super) const NOTIFICATION_ID: &str = "message_id";
    pub(super) const PUBLISHER_ID: &str = "publisher_id";
    pub(super) const EVENT_TYPE: &str = "event_type";
    pub(super) const PRIORITY: &str = "priority";
    pub(super) const PAYLOAD: &str = "payload";
    pub(super) const TIMESTAMP: &str = "timestamp";
}

/// Whether a message is laid out so: nothing says what it is, and it is JSON. The native wire always says.
pub(super) fn is_spoken_in(properties: &BasicProperties) -> bool {
    let is_json = properties.content_type().as_ref().is_some_and(|text| text.as_str() == properties::JSON);
    is_json && properties.kind().is_none() && properties.reply_to().is_none()
}

/// What `message` looks like on this wire.
///
/// # Errors
///
/// [`Code::InvalidArguments`] when arguments are not JSON, which is all that Python reads.
pub(super) fn encode(
    message: Message,
    exceptions: &dyn PythonExceptions,
) -> Result<(BasicProperties, Bytes), Error> {
    match message {
        Message::Request(request) => request::encode(&request),
        Message::Reply(reply) => reply::encode(&reply, exceptions),
        Message::Notification(notification) => notification::encode(&notification),
    }
}

/// What `arrived` means. Arguments or a result above `limit` bytes are refused, and a body of far more unread.
pub(super) fn decode(arrived: &Arrived<'_>, limit: usize) -> Result<Message, Malformed> {
    // Whoever waits is told even if the message cannot be read.
    let told = |malformed| ids::told(malformed, &arrived.body);
    let text = body::open(arrived, limit).map_err(told)?;
    let fields = Fields::read(&text).map_err(told)?;
    if fields.has(words::METHOD) {
        return request::decode(&fields, arrived, limit).map(Message::from);
    }
    if [words::RESULT, words::FAILURE, words::ENDING].into_iter().any(|key| fields.has(key)) {
        return reply::decode(&fields, limit).map(Message::from);
    }
    if fields.has(words::EVENT_TYPE) {
        return notification::decode(&fields, arrived, limit).map(Message::from);
    }
    Err(told(Malformed::new("the message has neither a method, nor a result, nor an event_type")))
}

/// A failure that came from Python, as the error of the service that it stands for, if `exceptions` know it.
pub(crate) fn caught(message: Message, exceptions: &dyn PythonExceptions) -> Message {
    let Message::Reply(mut reply) = message else { return message };
    // It has just been read, so nobody else holds it.
    if let Outcome::Failure(failure) = &mut Arc::make_mut(&mut reply).outcome
        && failure.code == Code::RemoteError
        && let Some(exception) = PythonException::of(failure)
        && let Some(Ok(data)) = exceptions.caught(&exception).map(|data| serde_json::to_vec(&data))
    {
        (failure.code, failure.data) =
            (Code::ServiceError, Payload::new(ContentType::Json, Bytes::from(data)));
    }
    Message::Reply(reply)
}

fn unspeakable(what: impl Into<String>) -> Error {
    Error::new(Code::InvalidArguments, what).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}

fn too_large(what: &str, size: usize, limit: usize) -> Malformed {
    Malformed::new(format!("{what} has {size} bytes, and the limit is {limit}")).with_code(Code::TooLarge)
}
