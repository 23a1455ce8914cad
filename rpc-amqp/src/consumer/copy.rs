//! The properties of a message that is published again.

use lapin::BasicProperties;

/// All that describes the message, apart from its headers and its expiry. Not its user, whom the broker would compare
/// with ours.
pub(crate) fn copy(from: &BasicProperties) -> BasicProperties {
    let mut to = copy_without_caller(from);
    if let Some(text) = from.correlation_id() {
        to = to.with_correlation_id(text.clone());
    }
    if let Some(text) = from.reply_to() {
        to = to.with_reply_to(text.clone());
    }
    to
}

/// Likewise, and not where an answer goes either.
pub(crate) fn copy_without_caller(from: &BasicProperties) -> BasicProperties {
    let mut to = BasicProperties::default();
    if let Some(text) = from.content_type() {
        to = to.with_content_type(text.clone());
    }
    if let Some(text) = from.content_encoding() {
        to = to.with_content_encoding(text.clone());
    }
    if let Some(text) = from.message_id() {
        to = to.with_message_id(text.clone());
    }
    if let Some(time) = from.timestamp() {
        to = to.with_timestamp(*time);
    }
    if let Some(text) = from.kind() {
        to = to.with_type(text.clone());
    }
    if let Some(text) = from.app_id() {
        to = to.with_app_id(text.clone());
    }
    to
}
