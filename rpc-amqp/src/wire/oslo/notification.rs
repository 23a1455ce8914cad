//! Notifications.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::message::{Malformed, NotificationMessage};
use rpc_core::{ContentType, Error, MessageId, Payload, Priority};
use serde_json::value::RawValue;

use super::super::Arrived;
use super::super::decode::attempt;
use super::fields::Fields;
use super::object::Object;
use super::properties::properties;
use super::{body, context, timestamp, too_large, unspeakable, words};

/// In an envelope, as Python's driver `messagingv2` writes it.
pub(super) fn encode(notification: &NotificationMessage) -> Result<(BasicProperties, Bytes), Error> {
    let id = notification.message_id.as_str();
    let message = Object::new()
        .text(words::NOTIFICATION_ID, &dashed(id))
        .text(words::PUBLISHER_ID, &notification.publisher_id)
        .text(words::EVENT_TYPE, &notification.event_type)
        .text(words::PRIORITY, &notification.priority.as_str().to_ascii_uppercase())
        .raw(words::PAYLOAD, payload(&notification.payload)?)
        .text(words::TIMESTAMP, &timestamp::written(notification.timestamp_ms))
        .text(words::MESSAGE_ID, id);
    let message = context::encode(message, &notification.context).finish();
    Ok((properties(None)?, body::seal(&message)))
}

fn payload(payload: &Payload) -> Result<&str, Error> {
    if payload.content_type != ContentType::Json || payload.content_encoding.is_some() {
        return Err(unspeakable(
            "the oslo wire carries JSON that is not compressed: leave content_type and compression at their defaults",
        ));
    }
    let payload = serde_json::from_slice::<&RawValue>(&payload.body).map(RawValue::get);
    payload.map_err(|error| unspeakable(format!("the payload is not JSON: {error}")))
}

/// An id of ours as Python writes one; any other as it is.
fn dashed(id: &str) -> String {
    let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        return id.to_owned();
    }
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

/// An id for an event that has none: the same for the same body, on every delivery and in every process (FNV-1a).
fn fingerprint(body: &[u8]) -> Option<MessageId> {
    let fold =
        |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    let hash = body.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, fold);
    MessageId::parse(&format!("{hash:032x}"))
}

pub(super) fn decode(
    fields: &Fields<'_>,
    arrived: &Arrived<'_>,
    limit: usize,
) -> Result<NotificationMessage, Malformed> {
    let event_type = fields
        .text(words::EVENT_TYPE)?
        .filter(|event_type| !event_type.is_empty())
        .ok_or_else(|| Malformed::new("the key event_type is empty"))?;
    let publisher_id = fields.text(words::PUBLISHER_ID)?.unwrap_or_default();
    let payload = fields.raw(words::PAYLOAD).unwrap_or("null");
    if payload.len() > limit {
        return Err(too_large("the payload", payload.len(), limit));
    }
    let payload = Payload::new(ContentType::Json, Bytes::copy_from_slice(payload.as_bytes()));
    let mut notification = NotificationMessage::new(publisher_id, event_type, payload);
    let id = |key| fields.get::<String>(key).and_then(|id| MessageId::parse(&id));
    // One of chance would be another on each delivery.
    if let Some(id) =
        id(words::NOTIFICATION_ID).or_else(|| id(words::MESSAGE_ID)).or_else(|| fingerprint(&arrived.body))
    {
        notification.message_id = id;
    }
    if let Some(priority) = fields.text(words::PRIORITY)? {
        notification.priority = priority
            .to_ascii_lowercase()
            .parse::<Priority>()
            .map_err(|error| Malformed::new(format!("the key priority is wrong: {error}")))?;
    }
    let time = fields.get::<String>(words::TIMESTAMP).and_then(|time| timestamp::read(&time));
    notification.timestamp_ms = time.unwrap_or_default();
    notification.context = context::decode(fields);
    notification.context.message_id = Some(notification.message_id.clone());
    let none = FieldTable::default();
    let headers = arrived.properties.headers().as_ref().unwrap_or(&none);
    notification.context.attempt = attempt(headers, arrived.redelivered);
    Ok(notification)
}
