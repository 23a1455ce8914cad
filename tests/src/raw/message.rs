//! A message with whatever properties, headers and body.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// A message as AMQP sees it. All fields are free to be wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Property `content_type`.
    pub content_type: Option<String>,
    /// Property `content_encoding`.
    pub content_encoding: Option<String>,
    /// Property `type`.
    pub kind: Option<String>,
    /// Property `message_id`.
    pub message_id: Option<String>,
    /// Property `correlation_id`.
    pub correlation_id: Option<String>,
    /// Property `reply_to`.
    pub reply_to: Option<String>,
    /// Property `expiration`, in milliseconds as text.
    pub expiration: Option<String>,
    /// Property `delivery_mode` is 2.
    pub persistent: bool,
    /// Headers.
    pub headers: BTreeMap<String, AMQPValue>,
    /// Body.
    pub body: Vec<u8>,
}

impl Message {
    /// A message with only a body.
    #[must_use]
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// What a well-behaved native client sends to cast `method`: MessagePack, 10 s to live.
    #[must_use]
    pub fn request(method: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new(body).with_header("method", method).with_number("timeout-ms", 10_000);
        request.content_type = Some("application/msgpack".into());
        request.kind = Some("request".into());
        request.message_id = Some(super::reply_queue::random_hex());
        request
    }

    /// Makes it a call.
    #[must_use]
    pub fn answered_at(mut self, address: &str, correlation_id: &str) -> Self {
        self.reply_to = Some(address.into());
        self.correlation_id = Some(correlation_id.into());
        self
    }

    /// Sets a header to text.
    #[must_use]
    pub fn with_header(self, name: &str, value: &str) -> Self {
        self.with_value(name, AMQPValue::LongString(value.into()))
    }

    /// Sets a header to a number.
    #[must_use]
    pub fn with_number(self, name: &str, value: i64) -> Self {
        self.with_value(name, AMQPValue::LongLongInt(value))
    }

    /// Sets a header to anything.
    #[must_use]
    pub fn with_value(mut self, name: &str, value: AMQPValue) -> Self {
        self.headers.insert(name.into(), value);
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// A header as text: text as it is, numbers and truth values printed. `None` when there is none, or it is
    /// something else.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        Some(match self.headers.get(name)? {
            AMQPValue::LongString(text) => text.to_string(),
            AMQPValue::ShortString(text) => text.to_string(),
            AMQPValue::Boolean(value) => value.to_string(),
            AMQPValue::ShortShortInt(value) => value.to_string(),
            AMQPValue::ShortShortUInt(value) => value.to_string(),
            AMQPValue::ShortInt(value) => value.to_string(),
            AMQPValue::ShortUInt(value) => value.to_string(),
            AMQPValue::LongInt(value) => value.to_string(),
            AMQPValue::LongUInt(value) => value.to_string(),
            AMQPValue::LongLongInt(value) => value.to_string(),
            _ => return None,
        })
    }

    pub(super) fn to_properties(&self) -> BasicProperties {
        let mut properties = BasicProperties::default();
        type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
        let texts: [(&Option<String>, Setter); 7] = [
            (&self.content_type, BasicProperties::with_content_type),
            (&self.content_encoding, BasicProperties::with_content_encoding),
            (&self.kind, BasicProperties::with_type),
            (&self.message_id, BasicProperties::with_message_id),
            (&self.correlation_id, BasicProperties::with_correlation_id),
            (&self.reply_to, BasicProperties::with_reply_to),
            (&self.expiration, BasicProperties::with_expiration),
        ];
        for (text, set) in texts {
            if let Some(text) = text {
                properties = set(properties, text.as_str().into());
            }
        }
        if self.persistent {
            properties = properties.with_delivery_mode(2);
        }
        if !self.headers.is_empty() {
            let mut headers = FieldTable::default();
            for (name, value) in &self.headers {
                headers.insert(name.as_str().into(), value.clone());
            }
            properties = properties.with_headers(headers);
        }
        properties
    }

    pub(super) fn from_delivery(delivery: &Delivery) -> Self {
        let text = |property: &Option<ShortString>| property.as_ref().map(ToString::to_string);
        let properties = &delivery.properties;
        let headers = properties.headers().iter().flatten();
        Self {
            content_type: text(properties.content_type()),
            content_encoding: text(properties.content_encoding()),
            kind: text(properties.kind()),
            message_id: text(properties.message_id()),
            correlation_id: text(properties.correlation_id()),
            reply_to: text(properties.reply_to()),
            expiration: text(properties.expiration()),
            persistent: *properties.delivery_mode() == Some(2),
            headers: headers.map(|(name, value)| (name.to_string(), value.clone())).collect(),
            body: delivery.data.clone(),
        }
    }
}
