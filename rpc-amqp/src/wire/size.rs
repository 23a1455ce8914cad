//! How large the header of a message is.

use lapin::BasicProperties;
use lapin::types::AMQPValue;

/// An upper bound of the bytes that `properties` take on the wire.
///
/// AMQP cannot split them over frames, so a broker closes the connection when they do not fit into one; knowing the
/// size before is what keeps one message from failing all others.
pub(crate) fn header_size(properties: &BasicProperties) -> usize {
    let fixed = 64;
    let texts = [
        properties.content_type(),
        properties.content_encoding(),
        properties.correlation_id(),
        properties.reply_to(),
        properties.expiration(),
        properties.message_id(),
        properties.kind(),
        properties.user_id(),
        properties.app_id(),
        properties.cluster_id(),
    ];
    let texts: usize = texts.into_iter().flatten().map(|text| text.as_str().len() + 1).sum();
    let headers: usize = properties.headers().as_ref().map_or(0, |headers| {
        headers.inner().iter().map(|(key, value)| key.as_str().len() + 2 + value_size(value)).sum()
    });
    fixed + texts + headers
}

fn value_size(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::LongString(text) => text.len() + 4,
        AMQPValue::ShortString(text) => text.as_str().len() + 1,
        AMQPValue::ByteArray(bytes) => bytes.len() + 4,
        // Only messages that are published again hold any, and those lose them before.
        AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) => usize::MAX / 1_024,
        _ => 16,
    }
}
