//! Short strings, made valid UTF-8 in place.

use super::changes::Changes;

/// What takes the place of an octet that cannot start a character.
const SUBSTITUTE: u8 = b'?';

/// The rest of a short string, octet by octet.
///
/// An octet is final as soon as it was seen, so nothing is held back. A character that spans two reads may therefore
/// turn out to be wrong when its start is gone. Two rules keep the outcome valid, and the same however reads are split:
/// an octet starts a character only if the string is long enough for the rest of it, and an octet that should continue
/// one and does not is overwritten by one that does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Text {
    /// Octets left of the string.
    left: u8,
    /// Octets left of the character.
    expected: u8,
    /// What the next octet of the character may be.
    low: u8,
    high: u8,
}

impl Text {
    pub(super) const fn new(length: u8) -> Self {
        Self { left: length, expected: 0, low: 0, high: 0 }
    }

    pub(super) const fn is_done(self) -> bool {
        self.left == 0
    }

    /// Goes over the string's part of `octets`, and says how long that was.
    pub(super) fn pass(&mut self, octets: &mut [u8], changes: &mut Changes) -> usize {
        let length = octets.len().min(self.left.into());
        let octets = &mut octets[..length];
        // Whatever is valid by itself is left as it is by the rules, too.
        if self.expected == 0 && std::str::from_utf8(octets).is_ok() {
            self.left = self.left.saturating_sub(u8::try_from(length).unwrap_or(u8::MAX));
            return length;
        }
        for octet in octets {
            self.left -= 1;
            let valid = self.validated(*octet);
            changes.text |= valid != *octet;
            *octet = valid;
        }
        length
    }

    /// `octet`, or what has to stand in its place.
    fn validated(&mut self, octet: u8) -> u8 {
        if self.expected > 0 {
            let valid = if (self.low..=self.high).contains(&octet) { octet } else { self.low };
            self.expect(self.expected - 1, 0x80, 0xbf);
            return valid;
        }
        // The table of well-formed sequences in the Unicode standard.
        let (expected, low, high) = match octet {
            0..=0x7f => (0, 0, 0),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xe1..=0xec | 0xee | 0xef => (2, 0x80, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return SUBSTITUTE,
        };
        if expected > self.left {
            return SUBSTITUTE;
        }
        self.expect(expected, low, high);
        octet
    }

    const fn expect(&mut self, expected: u8, low: u8, high: u8) {
        (self.expected, self.low, self.high) = (expected, low, high);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In reads of `size` octets.
    fn passed(input: &[u8], size: usize) -> (Vec<u8>, bool) {
        let mut output = input.to_vec();
        let mut text = Text::new(u8::try_from(input.len()).unwrap());
        let mut changes = Changes::default();
        for read in output.chunks_mut(size) {
            assert_eq!(text.pass(read, &mut changes), read.len());
        }
        assert!(text.is_done());
        (output, changes.any())
    }

    #[test]
    fn wrong_octets_are_replaced_one_for_one() {
        for (input, expected) in [
            (&b"a\xffb"[..], &b"a?b"[..]),
            (b"\xc3", b"?"),
            (b"\xe2\x82", b"??"),
            (b"\xe2\x82\xac", "€".as_bytes()),
            (b"\x80\xc0\xaf", b"???"),
            (b"\xe2abc", b"\xe2\x80\x80c"),
            (b"\xed\xa0\x80", b"\xed\x80\x80"),
        ] {
            for size in 1..4 {
                assert_eq!(passed(input, size).0, expected, "{input:x?} by {size}");
            }
        }
    }

    #[test]
    fn it_ends_with_the_string() {
        let mut octets = *b"ab\xff";
        assert_eq!(Text::new(2).pass(&mut octets, &mut Changes::default()), 2);
        assert_eq!(octets, *b"ab\xff");
    }

    proptest! {
        #[test]
        fn the_outcome_is_text_however_it_is_read(
            input in prop::collection::vec(prop_oneof![any::<u8>(), 0x7f..0xc5_u8, 0xe0..0xf6_u8], 0..256),
            size in 1..40_usize,
        ) {
            let (output, is_changed) = passed(&input, size);
            prop_assert!(std::str::from_utf8(&output).is_ok());
            prop_assert_eq!(is_changed, input != output);
            prop_assert_eq!(is_changed, std::str::from_utf8(&input).is_err());
            prop_assert_eq!(output, passed(&input, 256).0);
        }
    }
}
