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

/// Whether the broker can have made `text`: `<process>.<key>` behind the prefix, the process in Erlang's external format.
/// RabbitMQ decodes it without a check, and one that is something else ends the connection that publishes to it.
fn is_direct(text: &str) -> bool {
    text.strip_prefix(DIRECT).filter(|token| token.len() <= LONGEST_DIRECT).is_some_and(|token| {
        token.split_once('.').is_some_and(|(process, key)| {
            let is_key = !key.is_empty() && key.bytes().all(|byte| digit(byte).is_some() || byte == b'=');
            is_key && base64(process).is_some_and(|term| is_process(&term))
        })
    })
}

/// 131, `NEW_PID_EXT`, then the node as an atom in UTF-8, and number, serial and creation. All of RabbitMQ 3.10 to 4.3
/// name the node by its hash.
fn is_process(term: &[u8]) -> bool {
    let [131, 88, atom, rest @ ..] = term else { return false };
    let (length, rest) = match (atom, rest) {
        (118, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (119, [length, rest @ ..]) => (usize::from(*length), rest),
        _ => return false,
    };
    rest.split_at_checked(length).is_some_and(|(node, rest)| is_node(node) && rest.len() == 12)
}

/// `reply@` and a hash of 27 bits, as a number.
fn is_node(name: &[u8]) -> bool {
    let Some(digits) = name.strip_prefix(b"reply@").and_then(|digits| std::str::from_utf8(digits).ok())
    else {
        return false;
    };
    digits.parse::<u32>().is_ok_and(|hash| hash < 1 << 27 && hash.to_string() == digits)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.as_bytes().chunks(4) {
        let number = group.iter().try_fold(0_u32, |number, byte| Some(number << 6 | digit(*byte)?))?;
        let number = number << (6 * (4 - group.len()));
        bytes.extend(&number.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u32> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    DIGITS.iter().position(|digit| *digit == byte).and_then(|at| u32::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_brokers_own_direct_addresses_are_accepted() {
        // From RabbitMQ 3.10.
        assert!(is_direct(
            "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAyMDU0MTQ0NAAAAqsAAAAAawLWNA==./sWbMb1wGRuYZQHC7+8QqA=="
        ));
        // The same with the other atom in UTF-8, and the smallest hash.
        assert!(is_direct("amq.rabbitmq.reply-to.g1h3DnJlcGx5QDIwNTQxNDQ0AAACqwAAAABrAtY0.bmFtZQ=="));
        assert!(is_direct("amq.rabbitmq.reply-to.g1h3B3JlcGx5QDAAAAKrAAAAAGsC1jQ=.bmFtZQ=="));
        for hostile in [
            "amq.rabbitmq.reply-to",
            "amq.rabbitmq.reply-to.",
            "amq.rabbitmq.reply-to.a b",
            "amq.rabbitmq.reply-to.abc",
            "amq.rabbitmq.reply-to.AAAA.b",
            "amq.rabbitmq.reply-to.g2gCYQFhAg==.b",
            "amq.rabbitmq.reply-to.g1h3B3JlcGx5QDAAAAKrAAAAAGsC1jQ=",
            "amq.rabbitmq.reply-to.g1h3B3JlcGx5QDAAAAKrAAAAAGsC1jQ=.",
            "amq.rabbitmq.reply-to.g1h3A2FAYgAAAAEAAAACAAAA.bmFtZQ==",
            "rpc.default.conductor",
        ] {
            assert!(!is_direct(hostile), "{hostile}");
        }
        // A node of another name, atoms that are not UTF-8, old and short process ids, hashes that are none.
        for hostile in [
            "amq.rabbitmq.reply-to.g1h2AANhQGIAAAKrAAAAAGsC1jQ=.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAVyZXBseQAAAqsAAAAAawLWNA==.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1hkAA5yZXBseUAyMDU0MTQ0NAAAAqsAAAAAawLWNA==.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1hzDnJlcGx5QDIwNTQxNDQ0AAACqwAAAABrAtY0.bmFtZQ==",
            "amq.rabbitmq.reply-to.g2d2AA5yZXBseUAyMDU0MTQ0NAAAAAEAAAAAAQ==.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAdyZXBseUD/AAACqwAAAABrAtY0.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAZyZXBseUAAAAKrAAAAAGsC1jQ=.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAhyZXBseUArMQAAAqsAAAAAawLWNA==.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAhyZXBseUAwMQAAAqsAAAAAawLWNA==.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AA9yZXBseUAxMzQyMTc3MjgAAAKrAAAAAGsC1jQ=.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AAlyZXBseUAxQDEAAAKrAAAAAGsC1jQ=.bmFtZQ==",
            "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAyMDU0MTQ0NAAAAAAAAAAAAAAA.bmFtZQ==",
        ] {
            assert!(!is_direct(hostile), "{hostile}");
        }
        assert!(!is_direct(&format!("{DIRECT}g1h3B3JlcGx5QDAAAAKrAAAAAGsC1jQ=.{}", "a".repeat(201))));
    }
}
