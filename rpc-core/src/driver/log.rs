//! Writes events to the log.

use tracing::Level;

use super::masking::mask;
use super::{Driver, Emission};
use crate::codec::{self, compression};
use crate::error::Error;
use crate::message::NotificationMessage;
use crate::priority::Priority;
use crate::transport::{Capabilities, async_trait};
use crate::value::Value;

/// Writes each event to the log, as one line of JSON at the level of its priority, through `tracing`.
///
/// | priority | level |
/// |---|---|
/// | critical, error | error |
/// | warn | warn |
/// | info, audit | info |
/// | debug | debug |
/// | sample | none: a measured value is not news |
///
/// Lines have the target [`Log::TARGET`] and the field `event_type`. Values whose names look like those of secrets
/// (password, token and the like) are replaced by `***`; what stands in other values is not looked at.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Log;

macro_rules! line {
    ($level:expr, $message:expr) => {
        if tracing::enabled!(target: Log::TARGET, $level) {
            let line = json($message);
            tracing::event!(target: Log::TARGET, $level, event_type = %$message.event_type, "{line}");
        }
    };
}

impl Log {
    /// The target of the lines, for filters.
    pub const TARGET: &'static str = "rpc_core::notification";

    /// A driver that writes to the log.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Driver for Log {
    fn name(&self) -> &str {
        "log"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        let message = emission.message();
        match message.priority {
            Priority::Critical | Priority::Error => line!(Level::ERROR, message),
            Priority::Warn => line!(Level::WARN, message),
            Priority::Info | Priority::Audit => line!(Level::INFO, message),
            Priority::Debug => line!(Level::DEBUG, message),
            Priority::Sample => {}
        }
        Ok(())
    }
}

fn json(message: &NotificationMessage) -> String {
    let line = Value::map([
        ("message_id", Value::from(message.message_id.as_str())),
        ("publisher_id", message.publisher_id.as_str().into()),
        ("event_type", message.event_type.as_str().into()),
        ("priority", message.priority.as_str().into()),
        ("timestamp_ms", message.timestamp_ms.into()),
        ("request_id", message.context.request_id.as_str().into()),
        ("payload", payload(message)),
    ]);
    // A value of text keys has a form in JSON, save for numbers that are none.
    serde_json::to_string(&line).unwrap_or_else(|error| format!("an event that has no form in JSON: {error}"))
}

fn payload(message: &NotificationMessage) -> Value {
    let inflated = compression::inflate(message.payload.clone(), Capabilities::DEFAULT_MAX_MESSAGE_SIZE);
    let decoded = inflated.and_then(|payload| Ok(codec::decode::<Value>(&payload)?));
    decoded.map_or_else(
        |error| format!("not shown: {}", error.message()).into(),
        |mut value| {
            mask(&mut value);
            value
        },
    )
}
