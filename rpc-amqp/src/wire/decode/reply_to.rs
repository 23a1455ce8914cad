//! Where the answer to a message goes, if it may go there.

use lapin::BasicProperties;
use rpc_core::message::Malformed;
use rpc_core::{CorrelationId, ReplyAddress};

/// What RabbitMQ makes of `reply_to = amq.rabbitmq.reply-to`.
const DIRECT: &str = "amq.rabbitmq.reply-to.";
const LONGEST_DIRECT: usize = 200;

/// The reply address in `properties`, with what joins the reply to its request: the correlation id or, for clients
/// that send none, the message id.
pub(super) fn find(properties: &BasicProperties) -> Result<Option<(ReplyAddress, CorrelationId)>, Malformed> {
    let Some(text) = properties.reply_to().as_ref().map(|text| text.as_str()).filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let address = address(text).ok_or_else(|| {
        Malformed::new(
            "the reply address is refused: it has to be reply.<service>.<32 hex digits>, or direct reply-to",
        )
    })?;
    let id = |id: &Option<lapin::types::ShortString>| {
        id.as_ref().and_then(|text| CorrelationId::parse(text.as_str()))
    };
    id(properties.correlation_id())
        .or_else(|| id(properties.message_id()))
        .map(|correlation_id| Some((address, correlation_id)))
        .ok_or_else(|| Malformed::new("a reply address needs a correlation id or a message id beside it"))
}

fn address(text: &str) -> Option<ReplyAddress> {
    ReplyAddress::parse(text).or_else(|| is_direct(text).then(|| ReplyAddress::checked_by_transport(text)))
}

fn is_direct(text: &str) -> bool {
    text.strip_prefix(DIRECT).is_some_and(|token| {
        (1..=LONGEST_DIRECT).contains(&token.len())
            && token.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'.' | b'-')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_brokers_own_direct_addresses_are_accepted() {
        assert!(is_direct("amq.rabbitmq.reply-to.g1hkABJ+/=_.-"));
        for hostile in [
            "amq.rabbitmq.reply-to",
            "amq.rabbitmq.reply-to.",
            "amq.rabbitmq.reply-to.a b",
            "rpc.default.conductor",
        ] {
            assert!(!is_direct(hostile), "{hostile}");
        }
        assert!(!is_direct(&format!("{DIRECT}{}", "a".repeat(201))));
    }
}
