//! What is answered.

use rpc_core::{CallError, Code, Error, Event, Executed, ServiceFailure, Value};
use serde_json::json;

/// One line of output, and the event that is acknowledged once the line is written.
pub(crate) struct Answer {
    pub(crate) line: serde_json::Value,
    pub(crate) event: Option<Event<Value>>,
}

impl Answer {
    pub(crate) fn ok(id: &serde_json::Value, result: impl serde::Serialize) -> Self {
        Self::without_event(json!({ "id": id, "ok": result }))
    }

    pub(crate) fn error(id: &serde_json::Value, error: &CallError<ServiceFailure>) -> Self {
        let error = match error {
            CallError::Service(failure) => json!({
                "code": Code::ServiceError.as_str(),
                "executed": Executed::Executed.as_str(),
                "retryable": failure.retryable,
                "message": failure.message,
                "type": failure.error_type,
                "data": failure.data,
            }),
            CallError::Rpc(error) => facts(error),
        };
        Self::without_event(json!({ "id": id, "error": error }))
    }

    /// A line that is no operation.
    pub(crate) fn unreadable(error: &serde_json::Error) -> Self {
        let error = Error::new(Code::Malformed, format!("the line is not an operation: {error}"));
        Self::without_event(json!({ "id": null, "error": facts(&error) }))
    }

    pub(crate) fn event(event: Event<Value>) -> Self {
        let context: serde_json::Map<_, _> =
            event.context().metadata.iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
        let line = json!({ "event": {
            "message_id": event.message_id().as_str(),
            "priority": event.priority().as_str(),
            "event_type": event.event_type(),
            "publisher": event.publisher_id(),
            "payload": event.payload(),
            "context": context,
            "redelivered": event.is_redelivered(),
        } });
        Self { line, event: Some(event) }
    }

    const fn without_event(line: serde_json::Value) -> Self {
        Self { line, event: None }
    }
}

fn facts(error: &Error) -> serde_json::Value {
    let mut facts = json!({
        "code": error.code().as_str(),
        "executed": error.executed().as_str(),
        "retryable": error.is_retryable(),
        "message": error.to_string(),
    });
    if let Some(error_type) = error.error_type() {
        facts["type"] = json!(error_type);
    }
    if let Some(traceback) = error.traceback() {
        facts["traceback"] = json!(traceback.as_str());
    }
    facts
}
