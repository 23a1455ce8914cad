//! Notifications.

use lapin::types::FieldTable;
use rpc_core::Priority;
use rpc_core::message::{Malformed, NotificationMessage};

use super::super::headers::{number, text};
use super::super::words;
use super::{Arrived, context, expiration, message_id, payload};

pub(super) fn decode(arrived: Arrived<'_>, headers: &FieldTable) -> Result<NotificationMessage, Malformed> {
    let properties = arrived.properties;
    let event_type = text(headers, words::EVENT_TYPE)
        .filter(|event_type| !event_type.is_empty())
        .ok_or_else(|| Malformed::new("the header event-type is missing"))?;
    let publisher_id = text(headers, words::PUBLISHER_ID).unwrap_or_default();
    let mut notification =
        NotificationMessage::new(publisher_id, event_type, payload(properties, arrived.body)?);
    notification.message_id = message_id(properties);
    if let Some(priority) = text(headers, words::PRIORITY) {
        notification.priority = priority
            .parse::<Priority>()
            .map_err(|error| Malformed::new(format!("the header priority is wrong: {error}")))?;
    }
    notification.timestamp_ms = number(headers, words::TIMESTAMP_MS)
        .or_else(|| properties.timestamp().map(|seconds| seconds.saturating_mul(1_000)))
        .unwrap_or_default();
    let (message_id, time_to_live) = (&notification.message_id, expiration(properties));
    notification.context =
        context::decode(properties, headers, message_id, time_to_live, arrived.redelivered);
    Ok(notification)
}
