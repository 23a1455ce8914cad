//! Names that are made once and travel: message, correlation and request ids.

mod text;

use std::fmt;

use uuid::Uuid;

use self::text::Text;

/// Longest id that is taken from a peer, in bytes; an AMQP short string holds no more.
pub(crate) const LONGEST_ID: usize = 255;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Text);

        impl $name {
            /// An id that a peer sent: 1 to 255 bytes of text. `None` for anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                (!text.is_empty() && text.len() <= LONGEST_ID).then(|| Self(Text::new(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

text_id! {
    /// Names one message; the same when it is sent or delivered again.
    MessageId
}

text_id! {
    /// Joins a reply to its request. Ours holds 128 random bits as 32 hex digits; a foreign caller's may be
    /// any text, which the reply repeats.
    CorrelationId
}

text_id! {
    /// Follows a piece of work through every service that it touches. Ours is a UUID of version 7.
    RequestId
}

impl MessageId {
    /// A new id: 128 random bits as 32 hex digits.
    #[must_use]
    pub fn random() -> Self {
        Self(Text::hex(random_key()))
    }

    /// That of the first message of a piece of work, which has the same name.
    pub(crate) fn of(request_id: &RequestId) -> Self {
        Self(request_id.0.clone())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl CorrelationId {
    /// The id of the call that waits under `key` in the reply table.
    pub(crate) fn from_key(key: u128) -> Self {
        Self(Text::hex(key))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key in the reply table, if this id has the form that ours have.
    pub(crate) fn key(&self) -> Option<u128> {
        let text = self.as_bytes();
        if text.len() != 32 {
            return None;
        }
        text.iter().try_fold(0, |key, &digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(key << 4 | u128::from(value))
        })
    }
}

impl RequestId {
    /// A new id, ordered by time.
    #[must_use]
    pub fn new() -> Self {
        Self(Text::new(Uuid::now_v7().as_hyphenated().encode_lower(&mut Uuid::encode_buffer())))
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

/// 128 random bits as 32 lower-case hex digits.
pub(crate) fn random_hex() -> String {
    format!("{:032x}", random_key())
}

/// 128 bits from a cryptographic generator that the system seeds. Two of them never meet in practice, and none can be guessed;
/// a UUID of version 4 fixes six of its bits, so two are folded together.
pub(crate) fn random_key() -> u128 {
    Uuid::new_v4().as_u128() ^ Uuid::new_v4().as_u128().rotate_left(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_correlation_ids_have_a_key() {
        let key = random_key();
        assert_eq!(CorrelationId::from_key(key).key(), Some(key));
        for foreign in ["42", "not hex at all, but long enough....", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"] {
            assert_eq!(CorrelationId::parse(foreign).and_then(|id| id.key()), None, "{foreign}");
        }
    }

    #[test]
    fn ids_from_a_peer_are_bounded() {
        assert_eq!(MessageId::parse(""), None);
        assert!(MessageId::parse(&"x".repeat(255)).is_some());
        assert_eq!(MessageId::parse(&"x".repeat(256)), None);
    }
}
