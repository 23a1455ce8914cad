//! What a message looks like to AMQP: on the native wire, and on that of Python's oslo.messaging ([`oslo`]).
//!
//! On the native wire properties carry what AMQP has a place for, flat headers of text or whole numbers carry the rest, and the body is
//! only the arguments, the result or the event. So a person can read a request in the broker's management page, and
//! any AMQP client can call a service with a JSON body.
//!
//! Writing is strict and reading is liberal: numbers of any AMQP type, text as long or short strings, and defaults for
//! whatever may be missing.

mod age;
mod attempt;
mod dead_letter;
mod decode;
mod encode;
mod headers;
mod offset;
mod oslo;
mod properties;
#[cfg(test)]
mod round_trip;
mod size;
mod written;

use bytes::Bytes;
#[cfg(any(test, fuzzing))]
use lapin::BasicProperties;
use rpc_core::Error;
use rpc_core::message::{Malformed, Message};

pub(crate) use self::attempt::attempt_headers;
pub(crate) use self::dead_letter::{Rejection, delivery_count, replay_headers, uncounted_headers};
pub(crate) use self::decode::Arrived;
pub(crate) use self::headers::Headers;
pub(crate) use self::offset::stream_offset;
pub(crate) use self::oslo::{
    Exceptions, PREFIX as OSLO_REPLY_PREFIX, caught, compressed, is_address as is_oslo_address,
    random_address as random_oslo_address,
};
pub use self::oslo::{PythonException, PythonExceptions};
pub(crate) use self::properties::Properties;
pub(crate) use self::size::header_size;
use crate::settings::Wire;

/// What `message` looks like on `wire`. On the native one it goes under the name of `user`; Python sets none, and sends
/// nothing that it does not set.
///
/// # Errors
///
/// [`Code::InvalidArguments`](rpc_core::Code::InvalidArguments) for what the wire cannot carry: an id or an address of more
/// than 255 bytes, and on the `oslo` wire anything but JSON.
pub(crate) fn write(
    message: Message,
    wire: Wire,
    exceptions: &dyn PythonExceptions,
    user: Option<&str>,
) -> Result<(Properties, Bytes), Error> {
    match wire {
        Wire::Native => {
            encode::encode(&message, user).map(|(written, body)| (Properties::Written(written), body))
        }
        Wire::Oslo => oslo::encode(message, exceptions).map(|(table, body)| (table.into(), body)),
    }
}

/// As [`write`], for those who want to see what is in it.
#[cfg(any(test, fuzzing))]
pub(crate) fn encode(
    message: Message,
    wire: Wire,
    exceptions: &dyn PythonExceptions,
) -> Result<(BasicProperties, Bytes), Error> {
    write(message, wire, exceptions, None).map(|(properties, body)| (properties.into_table(), body))
}

/// What `arrived` means, on whichever wire it is. A body above `limit` bytes is refused unread.
pub(crate) fn decode(arrived: Arrived<'_>, limit: usize) -> Result<Message, Malformed> {
    if oslo::is_spoken_in(arrived.properties) {
        oslo::decode(&arrived, limit)
    } else {
        decode::decode(arrived, limit)
    }
}

/// Names of headers and words in them, in one place because both directions need them.
mod words {
    pub(super) const REQUEST: &str = "request";
    pub(super) const REPLY: &str = "reply";
    pub(super) const NOTIFICATION: &str = "notification";

    pub(super) const METHOD: &str = "method";
    pub(super) const NAMESPACE: &str = "namespace";
    pub(super) const VERSION: &str = "version";
    pub(super) const TIMEOUT_MS: &str = "timeout-ms";
    pub(super) const CALL_MONITOR_MS: &str = "call-monitor-ms";
    pub(super) const PROGRESS: &str = "progress";
    pub(super) const YES: &str = "true";
    pub(super) const REQUEST_ID: &str = "request-id";
    pub(super) const ATTEMPT: &str = "attempt";
    pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";
    pub(super) const ACCEPT_ENCODING: &str = "accept-encoding";
    pub(super) const TRACEPARENT: &str = "traceparent";
    pub(super) const TRACESTATE: &str = "tracestate";
    pub(super) const BAGGAGE: &str = "baggage";
    pub(super) const META: &str = "meta-";
    /// Written by quorum queues.
    pub(super) const DELIVERY_COUNT: &str = "x-delivery-count";

    /// Written by streams.
    pub(super) const STREAM_OFFSET: &str = "x-stream-offset";

    pub(super) const STATUS: &str = "status";
    pub(super) const OK: &str = "ok";
    pub(super) const RUNNING: &str = "running";
    pub(super) const ERROR: &str = "error";
    pub(super) const CODE: &str = "code";
    pub(super) const MESSAGE: &str = "message";
    pub(super) const EXECUTED: &str = "executed";
    pub(super) const RETRYABLE: &str = "retryable";
    pub(super) const RETRY_AFTER_MS: &str = "retry-after-ms";
    pub(super) const ERROR_TYPE: &str = "error-type";

    pub(super) const EVENT_TYPE: &str = "event-type";
    pub(super) const PUBLISHER_ID: &str = "publisher-id";
    pub(super) const PRIORITY: &str = "priority";
    pub(super) const TIMESTAMP_MS: &str = "timestamp-ms";

    pub(super) const DEAD_LETTER_CODE: &str = "dead-letter-code";
    pub(super) const DEAD_LETTER_REASON: &str = "dead-letter-reason";
    pub(super) const DEAD_LETTER_QUEUE: &str = "dead-letter-queue";
    pub(super) const DEAD_LETTER_TIME_MS: &str = "dead-letter-time-ms";
}
