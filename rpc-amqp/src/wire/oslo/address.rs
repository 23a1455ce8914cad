//! Where the answer to a request goes.

use rpc_core::message::Malformed;
use rpc_core::{CorrelationId, MessageId, ReplyAddress};

use super::fields::Fields;
use super::words;

/// How every address begins.
pub(crate) const PREFIX: &str = "reply_";
/// The longest name of a queue that AMQP carries, in bytes.
const LONGEST: usize = 255;

/// A new address, of the form that Python makes: `reply_` and 32 hex digits.
pub(crate) fn random_address() -> ReplyAddress {
    // 128 bits from the system's random source, as text.
    ReplyAddress::checked_by_transport(&format!("{PREFIX}{}", MessageId::random()))
}

/// Whether an answer to it is laid out for Python. No address of the native wire begins so.
pub(crate) fn is_address(address: &ReplyAddress) -> bool {
    address.as_str().starts_with(PREFIX)
}

/// Where the answer to the request in `fields` goes; `None` if nobody waits for one, which is so without a message id.
pub(super) fn find(fields: &Fields<'_>) -> Result<Option<(ReplyAddress, CorrelationId)>, Malformed> {
    let Some(id) = fields.text(words::CORRELATION_ID)? else { return Ok(None) };
    let correlation_id = CorrelationId::parse(&id)
        .ok_or_else(|| Malformed::new("the key _msg_id is not 1 to 255 bytes of text"))?;
    let address = fields.text(words::REPLY_QUEUE)?.ok_or_else(|| {
        Malformed::new("the key _msg_id asks for a reply, and _reply_q does not say where to")
    })?;
    let address = parse(&address).ok_or_else(|| {
        Malformed::new("the reply queue is refused: its name has to be reply_ and 32 hex digits, or reply_<host>:<process>:<number>")
    })?;
    Ok(Some((address, correlation_id)))
}

/// Python's own names: a random one, or that of its queue manager. Nothing else is published to, so that a request
/// cannot have a server write into the queue of a service.
pub(super) fn parse(text: &str) -> Option<ReplyAddress> {
    let name = text.strip_prefix(PREFIX).filter(|_| text.len() <= LONGEST)?;
    let is_random = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_random || is_managed(name)).then(|| ReplyAddress::checked_by_transport(text))
}

/// `<host>:<process>:<number>`.
fn is_managed(name: &str) -> bool {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let parts: Vec<_> = name.split(':').collect();
    match parts[..] {
        [host, process, number] => {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            // A program that Python was given as text has no name.
            !host.is_empty() && is_name(host) && is_name(process) && is_number
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_python_makes_are_answered() {
        let own = random_address();
        assert_eq!((parse(own.as_str()), is_address(&own)), (Some(own.clone()), true));
        assert!(!is_address(&ReplyAddress::random("svc")));
        for good in
            ["reply_5f0a6b6f2c9e4d56b5c7f4f7e1d2a3b4", "reply_host-1.example:nova-api:17", "reply_h::1"]
        {
            assert!(parse(good).is_some(), "{good}");
        }
        let long = format!("reply_{}:p:1", "h".repeat(250));
        for hostile in [
            "",
            "reply_",
            "conductor",
            "reply_5F0A6B6F2C9E4D56B5C7F4F7E1D2A3B4",
            "reply_host:process:",
            "reply_host:process:x",
            "reply_:process:1",
            "reply_a b:p:1",
            "reply_h:p:1:2",
            "reply.svc.5f0a6b6f2c9e4d56b5c7f4f7e1d2a3b4",
            &long,
        ] {
            assert!(parse(hostile).is_none(), "{hostile}");
        }
    }
}
