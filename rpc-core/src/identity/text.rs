//! The text of an id.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// As long as the longest id that we make ourselves: a UUID with hyphens.
const SHORT: usize = 36;

/// The text of an id, in place when it is as short as our own are: each request makes three, and clones them.
#[derive(Clone)]
pub(super) enum Text {
    Short { length: u8, octets: [u8; SHORT] },
    Long(Box<str>),
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        let Some(length) = u8::try_from(text.len()).ok().filter(|_| text.len() <= SHORT) else {
            return Self::Long(text.into());
        };
        let mut octets = [0; SHORT];
        octets[..text.len()].copy_from_slice(text.as_bytes());
        Self::Short { length, octets }
    }

    /// As 32 lower-case hex digits.
    pub(super) fn hex(number: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut octets = [0; SHORT];
        for (pair, byte) in octets.chunks_exact_mut(2).zip(number.to_be_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self::Short { length: 32, octets }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, octets } => &octets[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            // It was a text when it was put in.
            Self::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_what_was_put_in(text in "\\PC{0,60}", other in "\\PC{0,40}") {
            let (one, two) = (Text::new(&text), Text::new(&other));
            prop_assert_eq!(one.as_str(), &text);
            prop_assert_eq!(one.cmp(&two), text.cmp(&other));
            prop_assert_eq!(one == two, text == other);
        }

        #[test]
        fn hex_is_what_the_standard_library_makes(number in any::<u128>()) {
            let text = Text::hex(number);
            prop_assert_eq!(text.as_str(), format!("{number:032x}"));
        }
    }
}
