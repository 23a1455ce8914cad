//! Notifications.

use lapin::types::FieldTable;
use rpc_core::Priority;
use rpc_core::message::{Malformed, NotificationMessage};

use super::super::headers::{number, text};
use super::super::words;
use super::{Arrived, context, expiration, known_message_id, payload};

pub(super) fn decode(arrived: Arrived<'_>, headers: &FieldTable) -> Result<NotificationMessage, Malformed> {
    let properties = arrived.properties;
    let event_type = text(headers, words::EVENT_TYPE)
        .filter(|event_type| !event_type.is_empty())
        .ok_or_else(|| Malformed::new("the header event-type is missing"))?;
    let publisher_id = text(headers, words::PUBLISHER_ID).unwrap_or_default();
    let mut notification =
        NotificationMessage::new(publisher_id, event_type, payload(properties, arrived.body)?);
    // One of chance would be another on each delivery.
    notification.message_id = known_message_id(properties).ok_or_else(|| {
        Malformed::new(
            "the property message_id is missing: it has to be unique, since collectors tell doubles by it",
        )
    })?;
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lapin::BasicProperties;
    use lapin::types::{AMQPValue, LongString, ShortString};

    use super::*;

    #[test]
    fn without_an_id_that_stays_the_same_it_is_malformed() {
        let mut headers = FieldTable::default();
        let key = |name| ShortString::try_new(name).unwrap();
        headers.insert(key(words::EVENT_TYPE), AMQPValue::LongString(LongString::from("e")));
        let read = |properties: &BasicProperties| {
            decode(Arrived { properties, body: Bytes::new(), redelivered: false }, &headers)
        };
        let bare = BasicProperties::default();
        assert!(read(&bare).unwrap_err().reason.contains("message_id"));
        assert_eq!(read(&bare.with_message_id(key("m-1"))).unwrap().message_id.as_str(), "m-1");
    }
}
