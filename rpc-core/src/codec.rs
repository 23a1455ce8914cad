//! How arguments, results, errors and events become bytes.
//!
//! MessagePack by default, JSON by choice; structs are maps by field name in both, so that fields can be added.
//! What comes from a peer is checked before it is decoded: content type, size, nesting, and that no length
//! claims more than there is.

pub(crate) mod compression;
mod nesting;
mod scratch;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

pub use self::compression::Compression;
use crate::error::{Code, Error, Phase};
use crate::payload::{ContentType, Payload};
use crate::readable::readable;

/// The deepest nesting of lists and maps that is decoded.
pub const DEEPEST_NESTING: usize = 64;

/// Encodes `value`.
///
/// # Errors
///
/// [`Code::InvalidArguments`] when the value has no form in this content type, such as a map with keys that are
/// not text in JSON.
pub fn encode<T: Serialize + ?Sized>(content_type: ContentType, value: &T) -> Result<Payload, Error> {
    let body = scratch::written(|buffer| match content_type {
        ContentType::MessagePack => rmp_serde::encode::write_named(buffer, value).map_err(cannot_encode),
        ContentType::Json => serde_json::to_writer(buffer, value).map_err(cannot_encode),
    })?;
    Ok(Payload::new(content_type, body))
}

/// Decodes an uncompressed payload. Bytes after the value are an error.
///
/// # Errors
///
/// [`Code::Malformed`] with the place of the defect; nested deeper than [`DEEPEST_NESTING`] is one.
pub fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    let body = &payload.body[..];
    nesting::check(payload.content_type, body).map_err(DecodeError::malformed)?;
    let decoded = match payload.content_type {
        ContentType::MessagePack => {
            let mut decoder = message_pack(body);
            T::deserialize(&mut decoder).ok()
        }
        ContentType::Json => serde_json::from_slice(body).ok(),
    };
    // The quick way does not know where it failed; only a failure pays for finding out.
    decoded.map_or_else(|| explain(payload), Ok)
}

/// Decodes an uncompressed payload as `seed` does, which may borrow from it.
pub(crate) fn decode_seed<'a, S: DeserializeSeed<'a>>(
    payload: &'a Payload,
    seed: S,
) -> Result<S::Value, DecodeError> {
    let body = &payload.body[..];
    nesting::check(payload.content_type, body).map_err(DecodeError::malformed)?;
    match payload.content_type {
        ContentType::MessagePack => seed.deserialize(&mut message_pack(body)).map_err(DecodeError::misfit),
        ContentType::Json => {
            let mut decoder = serde_json::Deserializer::from_slice(body);
            let value = seed.deserialize(&mut decoder).map_err(DecodeError::malformed)?;
            decoder.end().map_err(DecodeError::malformed)?;
            Ok(value)
        }
    }
}

/// Decodes a map by name into a struct; nothing counts as an empty map. A list is refused: by position, two
/// arguments of one type could be swapped unseen.
pub(crate) fn decode_map<T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    let empty = |body: &'static [u8]| Payload::new(payload.content_type, Bytes::from_static(body));
    match (payload.content_type, payload.body.trim_ascii_start()) {
        (ContentType::MessagePack, [0xc0]) => decode(&empty(&[0x80])),
        (ContentType::Json, b"null") => decode(&empty(b"{}")),
        (ContentType::MessagePack, [0x90..=0x9f | 0xdc | 0xdd, ..]) | (ContentType::Json, [b'[', ..]) => {
            nesting::check(payload.content_type, &payload.body).map_err(DecodeError::malformed)?;
            Err(DecodeError::misfit("they are a list, and have to be a map by name"))
        }
        _ => decode(payload),
    }
}

/// Why a payload does not decode, with the path to the place. At most 1 KiB of text without control characters, whatever
/// names the payload holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    text: String,
    malformed: bool,
}

impl DecodeError {
    /// In bytes. A decoder repeats names that it does not know as they came, which end up in errors and logs here.
    const LONGEST_TEXT: usize = 1_024;

    /// Whether the bytes are no value at all, or one that is nested too deep; otherwise they are a value of another
    /// shape than the wanted type.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    fn malformed(cause: impl fmt::Display) -> Self {
        Self { text: readable(cause.to_string(), Self::LONGEST_TEXT), malformed: true }
    }

    fn misfit(cause: impl fmt::Display) -> Self {
        Self { text: readable(cause.to_string(), Self::LONGEST_TEXT), malformed: false }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(Code::Malformed, error.text).with_phase(Phase::Decode)
    }
}

fn message_pack(body: &[u8]) -> rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(body);
    // The nesting is checked already; the decoder counts some values as two levels.
    decoder.set_max_depth(4 * DEEPEST_NESTING);
    decoder
}

fn explain<T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    let body = &payload.body[..];
    match payload.content_type {
        // What is no MessagePack was found by the check of its nesting.
        ContentType::MessagePack => serde_path_to_error::deserialize(&mut message_pack(body))
            .map_err(|error| DecodeError::misfit(located(&error))),
        ContentType::Json => {
            let mut decoder = serde_json::Deserializer::from_slice(body);
            let value = serde_path_to_error::deserialize(&mut decoder).map_err(|error| {
                match error.inner().classify() {
                    serde_json::error::Category::Data => DecodeError::misfit(located(&error)),
                    _ => DecodeError::malformed(located(&error)),
                }
            })?;
            decoder.end().map_err(DecodeError::malformed)?;
            Ok(value)
        }
    }
}

fn located<E: fmt::Display>(error: &serde_path_to_error::Error<E>) -> String {
    let (path, cause) = (error.path().to_string(), error.inner());
    if path == "." { cause.to_string() } else { format!("{path}: {cause}") }
}

fn cannot_encode(error: impl fmt::Display) -> Error {
    Error::new(Code::InvalidArguments, format!("cannot be encoded: {error}")).with_phase(Phase::Publish)
}
