//! Text that Python takes for JSON and nobody else does.
//!
//! | Python writes | it is read as |
//! |---|---|
//! | `NaN`, `Infinity`, `-Infinity` | `null` |
//! | half of a surrogate pair, `"\ud800"` | U+FFFD |
//! | a number beyond the range of a double | `null` |
//!
//! An integer beyond 64 bits needs no change: it is read as the nearest double, or does not fit a parameter that is an
//! integer.

use std::borrow::Cow;

/// Numbers that are shorter and have no exponent are in range.
const LONG_NUMBER: usize = 300;
const REPLACEMENT: &str = "\\ufffd";
const NULL: &str = "null";

/// `text` as JSON, if it is Python's. What is broken otherwise stays so.
pub(super) fn mended(text: &str) -> Cow<'_, str> {
    let mut mender = Mender { text, at: 0, copied: 0, mended: String::new() };
    while let Some(&byte) = text.as_bytes().get(mender.at) {
        match byte {
            b'"' => mender.string(),
            b'N' | b'I' | b'-' | b'0'..=b'9' => mender.number(),
            _ => mender.at += 1,
        }
    }
    mender.finish()
}

struct Mender<'a> {
    text: &'a str,
    /// All before was looked at. Always between two characters: what stops the walk is ASCII.
    at: usize,
    /// All before was taken over.
    copied: usize,
    mended: String,
}

impl<'a> Mender<'a> {
    fn finish(mut self) -> Cow<'a, str> {
        if self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.mended.push_str(&self.text[self.copied..]);
        Cow::Owned(self.mended)
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Puts `replacement` in the place of the next `length` bytes, which are ASCII.
    fn replace(&mut self, length: usize, replacement: &str) {
        self.mended.push_str(&self.text[self.copied..self.at]);
        self.mended.push_str(replacement);
        self.at += length;
        self.copied = self.at;
    }

    /// From the opening to the closing quote.
    fn string(&mut self) {
        self.at += 1;
        while let Some(length) = self.rest().iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            self.at += length;
            if self.rest().starts_with(b"\"") {
                self.at += 1;
                return;
            }
            self.escape();
        }
        self.at = self.text.len();
    }

    fn escape(&mut self) {
        match (unit(self.rest()), self.rest().get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => self.at += 12,
            (Some(0xd800..=0xdfff), _) => self.replace(6, REPLACEMENT),
            // A backslash at the very end is nobody's escape. A character behind one is passed by the search.
            _ => self.at = (self.at + 1 + self.escaped_quote()).min(self.text.len()),
        }
    }

    /// 1 if what the backslash stands before would be taken for a quote or a backslash of its own.
    fn escaped_quote(&self) -> usize {
        usize::from(matches!(self.rest().get(1), Some(b'"' | b'\\')))
    }

    fn number(&mut self) {
        let rest = self.rest();
        if let Some(word) =
            ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| rest.starts_with(word.as_bytes()))
        {
            return self.replace(word.len(), NULL);
        }
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_digit(byte)).count();
        let digits = &self.text[self.at..self.at + length];
        let may_be_long = length > LONG_NUMBER || digits.contains(['e', 'E']);
        if may_be_long && digits.parse::<f64>().is_ok_and(f64::is_infinite) {
            return self.replace(length, NULL);
        }
        // `N` and `I` stand for nothing else.
        self.at += length.max(1);
    }
}

/// The number in `\uXXXX`, if the text begins so.
fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digit = |number: u32, digit: &u8| char::from(*digit).to_digit(16).map(|digit| number << 4 | digit);
    digits.iter().try_fold(0, digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_python_writes_becomes_json() {
        for (python, json) in [
            ("[NaN, Infinity, -Infinity]", "[null, null, null]"),
            (r#"{"NaN": "Infinity", "a": NaN}"#, r#"{"NaN": "Infinity", "a": null}"#),
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\udc00\ud800x""#, r#""\ufffd\ufffdx""#),
            (r#""\ud83e\udd80 é \uD800""#, r#""\ud83e\udd80 é \ufffd""#),
            (r#""\\ud800 \" NaN""#, r#""\\ud800 \" NaN""#),
            ("[1e999, -1e999, 1e300, 1e-999]", "[null, null, 1e300, 1e-999]"),
            ("1180591620717411303424", "1180591620717411303424"),
        ] {
            assert_eq!(mended(python), json);
        }
        let huge = "9".repeat(400);
        assert_eq!(mended(&huge), "null");
        assert!(matches!(mended(r#"{"a": [1, "b", null, -2.5]}"#), Cow::Borrowed(_)));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "[\\PC\"\\\\\n]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[\\PC\"\\\\]{0,6}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_stays_as_it_is(value in any_json()) {
            let text = value.to_string();
            prop_assert_eq!(&*mended(&text), text.as_str());
        }

        #[test]
        fn no_text_panics(text in "[\\PC\"\\\\u0dNI9eE+.-]{0,60}") {
            let _ = mended(&text);
        }

        #[test]
        fn every_escape_can_be_read(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read: String = serde_json::from_str(&mended(&format!("\"{text}\""))).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
