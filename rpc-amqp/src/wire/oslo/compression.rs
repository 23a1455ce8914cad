//! Compressed bodies.
//!
//! kombu says in a header how a body is compressed, and leaves the other properties as they are. What it calls gzip is a
//! stream of zlib (RFC 1950): a file of gzip under that name is an error there, and here.

use std::borrow::Cow;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use rpc_core::message::Malformed;
use rpc_core::{Code, Error};

use super::super::headers::text;
use super::unspeakable;

const HEADER: &str = "compression";
const ZLIB: &str = "application/x-gzip";
/// Other names of it, which kombu takes, too.
const ALIASES: [&str; 2] = ["gzip", "zlib"];
/// What Python compresses with when it is told nothing.
const LEVEL: u8 = 6;

/// The message with its body compressed.
///
/// # Errors
///
/// None that can occur: the header is a constant.
pub(crate) fn compressed(
    properties: BasicProperties,
    body: &Bytes,
) -> Result<(BasicProperties, Bytes), Error> {
    let name = ShortString::try_new(HEADER).map_err(|error| unspeakable(error.to_string()))?;
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(name, AMQPValue::LongString(LongString::from(ZLIB)));
    Ok((properties.with_headers(headers), Bytes::from(compress_to_vec_zlib(body, LEVEL))))
}

/// The body as it was before it was compressed, if it was. It never takes more than `most` bytes: one that would is refused
/// as soon as it has so many.
pub(super) fn expanded<'a>(
    body: &'a [u8],
    headers: Option<&FieldTable>,
    most: usize,
) -> Result<Cow<'a, [u8]>, Malformed> {
    let Some(value) = headers.and_then(|headers| headers.inner().get(HEADER).map(|_| text(headers, HEADER)))
    else {
        return Ok(Cow::Borrowed(body));
    };
    match value.as_deref() {
        // As in Python, where nothing and an empty text are one.
        Some("") => Ok(Cow::Borrowed(body)),
        Some(name) if name == ZLIB || ALIASES.contains(&name) => inflated(body, most).map(Cow::Owned),
        other => {
            let name: String = other.unwrap_or("no text").chars().take(64).collect();
            Err(Malformed::new(format!(
                "the body is compressed as {name:?}, and only {ZLIB} (zlib) is understood here"
            )))
        }
    }
}

fn inflated(body: &[u8], most: usize) -> Result<Vec<u8>, Malformed> {
    decompress_to_vec_zlib_with_limit(body, most).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => Malformed::new(format!(
            "the body has more than {most} bytes once it is expanded, and that is the limit"
        ))
        .with_code(Code::TooLarge),
        _ => Malformed::new("the body is no stream of zlib, which its header compression says"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(value: AMQPValue) -> FieldTable {
        let mut headers = FieldTable::default();
        headers.insert(ShortString::try_new(HEADER).unwrap(), value);
        headers
    }

    fn named(name: &str) -> FieldTable {
        headers(AMQPValue::LongString(LongString::from(name)))
    }

    proptest! {
        #[test]
        fn dv_28_what_is_compressed_comes_back(body: Vec<u8>) {
            let body = Bytes::from(body);
            let (properties, small) = compressed(BasicProperties::default(), &body).unwrap();
            let headers = properties.headers().as_ref();
            prop_assert_eq!(headers, Some(&named(ZLIB)));
            prop_assert_eq!(&*expanded(&small, headers, body.len()).unwrap(), &*body);
            prop_assert_eq!(&*expanded(&body, None, 0).unwrap(), &*body);
        }

        #[test]
        fn no_octets_panic(body: Vec<u8>) {
            if let Ok(expanded) = expanded(&body, Some(&named(ZLIB)), 64) {
                prop_assert!(expanded.len() <= 64);
            }
        }
    }

    #[test]
    fn dv_28_a_body_that_grows_beyond_its_limit_is_refused_before_it_has_grown() {
        let bomb = compress_to_vec_zlib(&vec![0; 64 << 20], 9);
        assert!(bomb.len() < 1 << 17, "{}", bomb.len());
        let error = expanded(&bomb, Some(&named(ZLIB)), 1 << 20).unwrap_err();
        assert_eq!(error.code, Code::TooLarge);
        let exact = compress_to_vec_zlib(&[7; 1_000], 6);
        assert!(expanded(&exact, Some(&named(ZLIB)), 1_000).is_ok());
        assert!(expanded(&exact, Some(&named(ZLIB)), 999).is_err());
    }

    #[test]
    fn dv_28_only_what_kombu_calls_gzip_is_read() {
        let small = compress_to_vec_zlib(b"{}", 6);
        for name in [ZLIB, "gzip", "zlib"] {
            assert_eq!(&*expanded(&small, Some(&named(name)), 9).unwrap(), b"{}", "{name}");
        }
        assert_eq!(&*expanded(b"{}", Some(&named("")), 0).unwrap(), b"{}");
        // The start of a file of gzip, and half of a stream.
        for wrong in [&b"\x1f\x8b\x08\x00"[..], &small[..5], b""] {
            assert!(expanded(wrong, Some(&named(ZLIB)), 99).is_err(), "{wrong:?}");
        }
        for name in ["application/x-bz2", "GZIP", "application/zstd"] {
            let error = expanded(&small, Some(&named(name)), 99).unwrap_err();
            assert!(error.reason.contains(name), "{}", error.reason);
        }
        assert!(expanded(&small, Some(&headers(AMQPValue::Void)), 99).is_err());
    }
}
