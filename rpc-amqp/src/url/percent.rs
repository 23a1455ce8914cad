//! Percent escapes.

/// Undoes the escapes; `None` for a stray `%` or bytes that are no UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// Escapes all but letters, digits, `-`, `_` and `.`.
#[cfg(test)]
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strays_are_refused() {
        for stray in ["%", "%2", "%zz", "%2x", "%+1", "%ff", "a%"] {
            assert_eq!(decode(stray), None, "{stray}");
        }
        assert_eq!(decode("a%2Fb%2f").as_deref(), Some("a/b/"));
    }

    proptest! {
        #[test]
        fn escapes_are_undone(text: String) {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }
}
