//! Looks over encoded bytes before they are decoded.
//!
//! A decoder recurses, and trusts lengths enough to allocate for them. So one pass without recursion and without
//! allocation first makes sure that nothing is nested too deep and that no length claims more than there is.

use std::fmt;

use super::DEEPEST_NESTING;
use crate::payload::ContentType;

/// Why bytes are not worth decoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Defect {
    TooDeep,
    Truncated,
    Trailing,
    Reserved,
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(formatter, "nested deeper than {DEEPEST_NESTING} levels"),
            Self::Truncated => formatter.write_str("ends in the middle of a value, or is empty"),
            Self::Trailing => formatter.write_str("there are bytes after the value"),
            Self::Reserved => formatter.write_str("holds the byte 0xc1, which MessagePack reserves"),
        }
    }
}

pub(super) fn check(content_type: ContentType, body: &[u8]) -> Result<(), Defect> {
    match content_type {
        ContentType::MessagePack => message_pack(body),
        ContentType::Json => json(body),
    }
}

/// Counts brackets outside of texts. Everything else is left to the decoder, which does not recurse for it.
fn json(body: &[u8]) -> Result<(), Defect> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > DEEPEST_NESTING {
                    return Err(Defect::TooDeep);
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Walks over exactly one value. `open` holds, for each list or map that is open, how many values it still
/// wants; one of them for the walk as a whole.
fn message_pack(body: &[u8]) -> Result<(), Defect> {
    let mut open = [0_u64; DEEPEST_NESTING + 1];
    open[0] = 1;
    let (mut depth, mut rest) = (0, body);
    loop {
        while open[depth] == 0 {
            if depth == 0 {
                return if rest.is_empty() { Ok(()) } else { Err(Defect::Trailing) };
            }
            depth -= 1;
        }
        open[depth] -= 1;
        let (skip, values) = value(&mut rest)?;
        let skip = usize::try_from(skip).map_err(|_| Defect::Truncated)?;
        rest = rest.get(skip..).ok_or(Defect::Truncated)?;
        if let Some(values) = values {
            // Every value takes a byte at least, so a longer claim is a lie.
            if values > rest.len() as u64 {
                return Err(Defect::Truncated);
            }
            depth += 1;
            *open.get_mut(depth).ok_or(Defect::TooDeep)? = values;
        }
    }
}

/// Reads the head of a value: how many bytes of data follow, and how many values if it is a list or a map.
fn value(rest: &mut &[u8]) -> Result<(u64, Option<u64>), Defect> {
    let marker = number(rest, 1)?;
    Ok(match marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, None),
        0x80..=0x8f => (0, Some(2 * (marker & 0x0f))),
        0x90..=0x9f => (0, Some(marker & 0x0f)),
        0xa0..=0xbf => (marker & 0x1f, None),
        0xc4 | 0xd9 => (number(rest, 1)?, None),
        0xc5 | 0xda => (number(rest, 2)?, None),
        0xc6 | 0xdb => (number(rest, 4)?, None),
        0xc7 => (number(rest, 1)? + 1, None),
        0xc8 => (number(rest, 2)? + 1, None),
        0xc9 => (number(rest, 4)? + 1, None),
        0xcc | 0xd0 => (1, None),
        0xcd | 0xd1 | 0xd4 => (2, None),
        0xca | 0xce | 0xd2 => (4, None),
        0xcb | 0xcf | 0xd3 => (8, None),
        0xd5 => (3, None),
        0xd6 => (5, None),
        0xd7 => (9, None),
        0xd8 => (17, None),
        0xdc => (0, Some(number(rest, 2)?)),
        0xdd => (0, Some(number(rest, 4)?)),
        0xde => (0, Some(2 * number(rest, 2)?)),
        0xdf => (0, Some(2 * number(rest, 4)?)),
        _ => return Err(Defect::Reserved),
    })
}

/// Takes a big-endian number of `width` bytes.
fn number(rest: &mut &[u8], width: usize) -> Result<u64, Defect> {
    let (digits, after) = rest.split_at_checked(width).ok_or(Defect::Truncated)?;
    *rest = after;
    Ok(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    #[test]
    fn depth_is_counted_exactly() {
        for (depth, expected) in [(DEEPEST_NESTING, Ok(())), (DEEPEST_NESTING + 1, Err(Defect::TooDeep))] {
            let lists = [vec![0x91; depth], vec![0xc0]].concat();
            assert_eq!(message_pack(&lists), expected);
            let lists = ["[".repeat(depth), "]".repeat(depth)].concat();
            assert_eq!(json(lists.as_bytes()), expected);
        }
        assert_eq!(message_pack(&vec![0x91; 100_000]), Err(Defect::TooDeep));
        assert_eq!(json("[".repeat(100_000).as_bytes()), Err(Defect::TooDeep));
    }

    #[test]
    fn lengths_that_lie_are_found() {
        for body in
            [&[][..], &[0xdd, 0xff, 0xff, 0xff, 0xff], &[0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0], &[0xdb, 0xff]]
        {
            assert_eq!(message_pack(body), Err(Defect::Truncated), "{body:?}");
        }
        assert_eq!(message_pack(&[0xc0, 0xc0]), Err(Defect::Trailing));
        assert_eq!(message_pack(&[0xc1]), Err(Defect::Reserved));
    }

    #[test]
    fn brackets_in_json_texts_do_not_count() {
        let text = format!(r#"["{}\"{}"]"#, "[".repeat(100), "{".repeat(100));
        assert_eq!(json(text.as_bytes()), Ok(()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = (message_pack(&body), json(&body));
        }

        #[test]
        fn what_the_decoder_takes_passes(body: Vec<u8>) {
            if rmp_serde::from_slice::<Value>(&body).is_ok() {
                prop_assert!(matches!(message_pack(&body), Ok(()) | Err(Defect::Trailing)));
            }
        }
    }
}
