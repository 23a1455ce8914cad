//! Where the reply to a call is sent.

use std::fmt;
use std::sync::Arc;

use crate::identity::random_hex;

/// Where the reply to a call is sent: `reply.<service>.<32 hex digits>`.
///
/// A request names its own reply address, so a hostile one could make a server publish into somebody else's
/// queue with the server's rights. Only the form that we make ourselves is accepted; its 128 random bits
/// cannot be guessed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReplyAddress(Arc<str>);

impl ReplyAddress {
    /// Longest service part, in bytes.
    const LONGEST_SERVICE: usize = 64;

    /// A new address for the process `service`. Characters outside `[A-Za-z0-9_-]` become `-`, what is above
    /// 64 is cut, and an empty name becomes `rpc`; the name is there for people who look at the broker.
    #[must_use]
    pub fn random(service: &str) -> Self {
        let mut name: String = service
            .chars()
            .take(Self::LONGEST_SERVICE)
            .map(|character| if is_service_byte(character, false) { character } else { '-' })
            .collect();
        if name.is_empty() {
            name.push_str("rpc");
        }
        Self(format!("reply.{name}.{}", random_hex()).into())
    }

    /// The address in a request, if it has the form that [`ReplyAddress::random`] makes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (service, secret) = text.strip_prefix("reply.")?.rsplit_once('.')?;
        let service_fits = (1..=Self::LONGEST_SERVICE).contains(&service.len())
            && service.chars().all(|character| is_service_byte(character, true));
        let secret_fits =
            secret.len() == 32 && secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (service_fits && secret_fits).then(|| Self(text.into()))
    }

    /// An address of a form that only the transport knows, which the transport has checked by a rule as strict
    /// as [`ReplyAddress::parse`]. Never pass text from a peer that was not checked.
    #[must_use]
    pub fn checked_by_transport(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplyAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

const fn is_service_byte(character: char, dot: bool) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-') || (dot && character == '.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_addresses_are_refused() {
        let secret = "0123456789abcdef0123456789abcdef";
        let hostile = [
            String::new(),
            "rpc.default.conductor".to_owned(),
            "reply".to_owned(),
            "reply.".to_owned(),
            format!("reply.{secret}"),
            format!("reply..{secret}"),
            format!("reply.a.{}", &secret[1..]),
            format!("reply.a.{secret}0"),
            format!("reply.a.{}", secret.to_uppercase()),
            format!("reply.a.{secret} "),
            format!(" reply.a.{secret}"),
            format!("reply.a.{secret}\n"),
            format!("reply.a/b.{secret}"),
            format!("reply.a b.{secret}"),
            format!("reply.a#.{secret}"),
            format!("reply.é.{secret}"),
            format!("reply.{}.{secret}", "a".repeat(65)),
            format!("Reply.a.{secret}"),
            "amq.rabbitmq.reply-to.x".to_owned(),
            "amq.direct".to_owned(),
        ];
        for address in hostile {
            assert_eq!(ReplyAddress::parse(&address), None, "{address:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn every_address_that_we_make_is_accepted(service: String) {
            let address = ReplyAddress::random(&service);
            prop_assert_eq!(ReplyAddress::parse(address.as_str()), Some(address));
        }
    }
}
