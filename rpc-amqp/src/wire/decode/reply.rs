//! Replies.

use std::sync::Arc;
use std::time::Duration;

use lapin::types::FieldTable;
use rpc_core::Code;
use rpc_core::message::{Failure, Malformed, Outcome, Reply};

use super::super::headers::{number, own_text, text};
use super::super::words;
use super::{Arrived, correlation_id, expiration, message_id, payload, shown};

pub(super) fn decode(arrived: Arrived<'_>, headers: &FieldTable) -> Result<Reply, Malformed> {
    let properties = arrived.properties;
    let correlation_id =
        correlation_id(properties).ok_or_else(|| Malformed::new("a reply without a correlation id"))?;
    let payload = payload(properties, arrived.body)?;
    let status = text(headers, words::STATUS);
    let outcome = match status.as_deref() {
        Some(words::OK | words::RUNNING | words::PROGRESS) => Outcome::Success(payload),
        Some(words::ERROR) => {
            let mut failure = failure(headers);
            failure.data = payload;
            Outcome::Failure(failure)
        }
        Some(other) => {
            return Err(Malformed::new(format!(
                "the header status is {:?}: it has to be ok, error, running or progress",
                shown(other)
            )));
        }
        None => {
            return Err(Malformed::new(
                "the header status is missing: it has to be ok, error, running or progress",
            ));
        }
    };
    let mut reply = Reply::new(correlation_id, outcome);
    reply.is_progress = status.as_deref() == Some(words::PROGRESS);
    reply.ending = !reply.is_progress && status.as_deref() != Some(words::RUNNING);
    reply.message_id = message_id(properties);
    reply.server = properties.app_id().as_ref().map(|server| Arc::from(server.as_str()));
    reply.time_to_live = expiration(properties);
    Ok(reply)
}

/// A code that this version does not know is a newer server's; its text still says what happened.
fn failure(headers: &FieldTable) -> Failure {
    let code = text(headers, words::CODE).and_then(|code| code.parse().ok()).unwrap_or(Code::RemoteError);
    let mut failure = Failure::new(code, text(headers, words::MESSAGE).unwrap_or_default());
    if let Some(executed) = text(headers, words::EXECUTED).and_then(|word| word.parse().ok()) {
        failure.executed = executed;
    }
    if let Some(retryable) = text(headers, words::RETRYABLE) {
        failure.retryable = matches!(&*retryable, "true" | "1");
    }
    failure.retry_after = number(headers, words::RETRY_AFTER_MS).map(Duration::from_millis);
    failure.error_type = own_text(headers, words::ERROR_TYPE).map(Into::into);
    failure
}
