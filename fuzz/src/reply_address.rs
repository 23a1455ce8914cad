//! Reply addresses: only two forms are accepted, and neither is the name of anything else.

use rpc_core::ReplyAddress;

const DIRECT: &str = "amq.rabbitmq.reply-to.";

pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Some(address) = rpc_amqp::fuzzing::reply_address(text) else {
        assert!(!is_ours(text) && ReplyAddress::parse(text).is_none(), "refused {text:?}");
        return;
    };
    assert_eq!(address.as_str(), text, "it has to be taken as it is");
    assert_eq!(is_ours(text), ReplyAddress::parse(text).is_some(), "{text:?}");
    assert!(is_ours(text) || is_direct(text), "accepted {text:?}");
}

/// `reply.<service>.<32 hex digits>`.
fn is_ours(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    let ["reply", service @ .., secret] = &parts[..] else { return false };
    let service = service.join(".");
    let is_service = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (1..=64).contains(&service.len())
        && service.bytes().all(is_service)
        && secret.len() == 32
        && secret.bytes().all(is_hex)
}

/// What RabbitMQ reads without losing the connection over it: a process on `reply@<hash>`, and a key.
fn is_direct(text: &str) -> bool {
    let Some((process, key)) = text.strip_prefix(DIRECT).and_then(|token| token.split_once('.')) else {
        return false;
    };
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    !key.is_empty() && key.bytes().all(is_base64) && decoded(process).is_some_and(|term| is_process(&term))
}

fn is_process(term: &[u8]) -> bool {
    let node = match term {
        [131, 88, 118, 0, length, rest @ ..] | [131, 88, 119, length, rest @ ..] => rest
            .strip_suffix(&rest[rest.len().saturating_sub(12)..])
            .filter(|node| node.len() == usize::from(*length) && rest.len() == node.len() + 12),
        _ => None,
    };
    node.and_then(|node| node.strip_prefix(b"reply@")).is_some_and(|hash| {
        (1..=9).contains(&hash.len())
            && hash.iter().all(u8::is_ascii_digit)
            && (hash == b"0" || hash[0] != b'0')
    })
}

/// Base64 by the book: four digits are three octets, and `=` stands for what is missing at the end.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut octets = Vec::new();
    let (groups, []) = text.as_bytes().as_chunks::<4>() else { return None };
    for (index, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0_u32;
        for byte in &group[..4 - padding] {
            bits = bits << 6 | u32::from(value(*byte)?);
        }
        bits <<= 6 * padding;
        octets.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Some(octets)
}
