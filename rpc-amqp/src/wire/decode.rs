//! From properties and body to a message.

mod context;
mod notification;
mod reply;
mod reply_to;
mod request;

use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::message::{Malformed, Message};
use rpc_core::{Code, ContentEncoding, ContentType, CorrelationId, MessageId, Payload, ReplyAddress};

pub(super) use self::context::attempt;
use super::words;

/// A message as it came.
pub(crate) struct Arrived<'a> {
    pub(crate) properties: &'a BasicProperties,
    pub(crate) body: Bytes,
    pub(crate) redelivered: bool,
}

/// What `arrived` means. A body above `limit` bytes is refused unread.
pub(super) fn decode(arrived: Arrived<'_>, limit: usize) -> Result<Message, Malformed> {
    // Found first, because whatever else is wrong, its sender can then be told.
    let reply_to = reply_to::find(arrived.properties)?;
    decode_kind(arrived, limit, reply_to.as_ref()).map_err(|malformed| malformed.with_reply_to(reply_to))
}

fn decode_kind(
    arrived: Arrived<'_>,
    limit: usize,
    reply_to: Option<&(ReplyAddress, CorrelationId)>,
) -> Result<Message, Malformed> {
    let size = arrived.body.len();
    if size > limit {
        let reason = format!("the body has {size} bytes, and the limit is {limit}");
        let answers = correlation_id(arrived.properties).filter(|_| reply_to.is_none());
        return Err(Malformed::new(reason).with_code(Code::TooLarge).with_answers(answers));
    }
    let none = FieldTable::default();
    let headers = arrived.properties.headers().as_ref().unwrap_or(&none);
    match arrived.properties.kind().as_ref().map(|kind| kind.as_str()) {
        Some(words::REQUEST) => request::decode(arrived, headers, reply_to.cloned()).map(Message::from),
        Some(words::REPLY) => {
            let answers = correlation_id(arrived.properties);
            let reply = reply::decode(arrived, headers).map(Message::from);
            reply.map_err(|malformed| malformed.with_answers(answers))
        }
        Some(words::NOTIFICATION) => notification::decode(arrived, headers).map(Message::from),
        Some(other) => Err(Malformed::new(format!(
            "the property type is {:?}: it has to be request, reply or notification",
            shown(other)
        ))),
        None => {
            Err(Malformed::new("the property type is missing: it has to be request, reply or notification"))
        }
    }
}

fn payload(properties: &BasicProperties, body: Bytes) -> Result<Payload, Malformed> {
    let content_type = match properties.content_type() {
        None => ContentType::default(),
        Some(text) => text.as_str().parse().map_err(|_| {
            let known: Vec<_> = ContentType::ALL.iter().map(|known| known.as_str()).collect();
            Malformed::new(format!(
                "content type {:?} is unknown: the accepted ones are {}",
                shown(text.as_str()),
                known.join(" and ")
            ))
        })?,
    };
    let content_encoding = match properties.content_encoding().as_ref().map(|text| text.as_str()) {
        None | Some("" | "identity" | "utf-8" | "UTF-8") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Malformed::new(format!(
                "content encoding {:?} is unknown: the accepted one is {}, besides none at all",
                shown(text),
                ContentEncoding::Zstd.as_str()
            ))
        })?),
    };
    Ok(Payload::new(content_type, body).with_content_encoding(content_encoding))
}

fn known_message_id(properties: &BasicProperties) -> Option<MessageId> {
    properties.message_id().as_ref().and_then(|id| MessageId::parse(id.as_str()))
}

fn message_id(properties: &BasicProperties) -> MessageId {
    known_message_id(properties).unwrap_or_else(MessageId::random)
}

fn correlation_id(properties: &BasicProperties) -> Option<CorrelationId> {
    properties.correlation_id().as_ref().and_then(|id| CorrelationId::parse(id.as_str()))
}

pub(super) fn expiration(properties: &BasicProperties) -> Option<Duration> {
    let milliseconds = properties.expiration().as_ref()?.as_str().parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

/// A piece of a stranger's text, short enough to stand in an error.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
