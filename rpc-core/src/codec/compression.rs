//! zstd above a threshold, with a cap on what it may inflate to.

use crate::error::{Code, Error, Phase};
use crate::payload::{ContentEncoding, Payload};

/// When a sender compresses its payloads. Reading compressed ones needs no setting, only the feature `zstd`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Never; the default.
    #[default]
    Off,
    /// With zstd, level 3, payloads of at least `threshold` bytes, when that makes them smaller.
    #[cfg(feature = "zstd")]
    Zstd {
        /// The smallest payload that is compressed, in bytes.
        threshold: usize,
    },
}

impl Compression {
    /// Compresses `payload` if it is large enough and gets smaller by it.
    pub(crate) fn apply(self, payload: Payload) -> Payload {
        match self {
            Self::Off => payload,
            #[cfg(feature = "zstd")]
            Self::Zstd { threshold } if payload.body.len() >= threshold.max(1) => {
                zstd_codec::compress(payload)
            }
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => payload,
        }
    }
}

/// Undoes what `content_encoding` says, to at most `limit` bytes.
///
/// # Errors
///
/// [`Code::TooLarge`] as soon as the limit is passed, having inflated no more than that;
/// [`Code::Malformed`] for damaged data, or when this build cannot read the encoding.
pub(crate) fn inflate(payload: Payload, limit: usize) -> Result<Payload, Error> {
    match payload.content_encoding {
        None if payload.body.len() > limit => Err(too_large(limit)),
        None => Ok(payload),
        #[cfg(feature = "zstd")]
        Some(ContentEncoding::Zstd) => zstd_codec::inflate(&payload, limit),
        #[cfg(not(feature = "zstd"))]
        Some(ContentEncoding::Zstd) => Err(Error::new(
            Code::Malformed,
            "content encoding zstd is not built in here: send the payload uncompressed, or enable the feature zstd",
        )
        .with_phase(Phase::Decode)),
    }
}

pub(crate) fn too_large(limit: usize) -> Error {
    Error::new(Code::TooLarge, format!("the body is larger than the limit of {limit} bytes"))
        .with_phase(Phase::Decode)
}

#[cfg(feature = "zstd")]
mod zstd_codec {
    use std::io::Read;

    use bytes::Bytes;

    use super::{Code, ContentEncoding, Error, Payload, Phase, too_large};

    /// 8 MiB.
    const LARGEST_WINDOW_LOG: u32 = 23;

    pub(super) fn compress(payload: Payload) -> Payload {
        match zstd::bulk::compress(&payload.body, zstd::DEFAULT_COMPRESSION_LEVEL) {
            Ok(smaller) if smaller.len() < payload.body.len() => Payload {
                body: Bytes::from(smaller),
                content_encoding: Some(ContentEncoding::Zstd),
                ..payload
            },
            // Sending it as it is loses nothing.
            Ok(_) | Err(_) => payload,
        }
    }

    pub(super) fn inflate(payload: &Payload, limit: usize) -> Result<Payload, Error> {
        let malformed = |error: std::io::Error| {
            Error::new(Code::Malformed, format!("the zstd data is damaged: {error}"))
                .with_phase(Phase::Decode)
        };
        let mut body = Vec::new();
        let mut decoder = zstd::Decoder::new(&payload.body[..]).map_err(malformed)?;
        // A frame asks for the memory that its decoder needs; senders at usual levels ask for less than this.
        decoder.window_log_max(LARGEST_WINDOW_LOG).map_err(malformed)?;
        decoder.take((limit as u64).saturating_add(1)).read_to_end(&mut body).map_err(malformed)?;
        if body.len() > limit {
            return Err(too_large(limit));
        }
        Ok(Payload::new(payload.content_type, Bytes::from(body)))
    }
}

#[cfg(all(test, feature = "zstd"))]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::payload::ContentType;

    const ON: Compression = Compression::Zstd { threshold: 100 };

    fn payload(body: Vec<u8>) -> Payload {
        Payload::new(ContentType::Json, Bytes::from(body))
    }

    #[test]
    fn large_payloads_shrink_and_come_back() {
        let large = payload(vec![b'a'; 10_000]);
        let compressed = ON.apply(large.clone());
        assert!(compressed.content_encoding.is_some() && compressed.body.len() < 200);
        assert_eq!(inflate(compressed, 10_000).unwrap(), large);
        let small = payload(vec![b'a'; 99]);
        assert_eq!(ON.apply(small.clone()), small);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = ON.apply(payload(vec![0; 50_000_000]));
        assert!(bomb.body.len() < 10_000);
        assert_eq!(inflate(bomb, 1_000_000).unwrap_err().code(), Code::TooLarge);
    }

    #[test]
    fn damage_is_told() {
        let damaged = payload(b"not zstd".to_vec()).with_content_encoding(Some(ContentEncoding::Zstd));
        assert_eq!(inflate(damaged, 1_000).unwrap_err().code(), Code::Malformed);
    }
}
