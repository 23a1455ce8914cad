//! Bytes with the name of their form.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::error::{Code, Error};
use crate::parse_name::{ParseNameError, parse_name};

/// How a payload is encoded.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ContentType {
    /// `application/msgpack`: small and fast; the default. Structs are maps by field name.
    #[default]
    MessagePack,
    /// `application/json`: readable, and spoken by everyone.
    Json,
}

impl ContentType {
    /// All of them, in order of declaration.
    pub const ALL: &'static [Self] = &[Self::MessagePack, Self::Json];

    /// The media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessagePack => "application/msgpack",
            Self::Json => "application/json",
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ContentType {
    type Err = ParseNameError;

    /// Accepts exactly the media types of [`ContentType::ALL`], without parameters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_name(text, "content type", Self::ALL, Self::as_str)
    }
}

/// How an encoded payload was compressed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ContentEncoding {
    /// `zstd` (RFC 8878). Reading it needs the feature `zstd`.
    Zstd,
}

impl ContentEncoding {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Zstd];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
        }
    }
}

impl FromStr for ContentEncoding {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_name(text, "content encoding", Self::ALL, Self::as_str)
    }
}

/// Encoded arguments, results, errors or events.
///
/// `Debug` shows form and size, never the bytes.
#[derive(Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Payload {
    /// How the body is encoded.
    pub content_type: ContentType,
    /// How the encoded body was compressed; `None` when it was not.
    pub content_encoding: Option<ContentEncoding>,
    /// The bytes.
    pub body: Bytes,
}

impl Payload {
    /// An uncompressed payload.
    #[must_use]
    pub const fn new(content_type: ContentType, body: Bytes) -> Self {
        Self { content_type, content_encoding: None, body }
    }

    /// Refuses a content type that the receiver did not list.
    pub(crate) fn check_accepted(&self, accepted: &[ContentType]) -> Result<(), Error> {
        if accepted.contains(&self.content_type) {
            return Ok(());
        }
        let accepted: Vec<_> = accepted.iter().map(|content_type| content_type.as_str()).collect();
        let message =
            format!("content type {} is not accepted here; use {}", self.content_type, accepted.join(" or "));
        Err(Error::new(Code::Malformed, message))
    }

    /// Says how `body` was compressed.
    #[must_use]
    pub const fn with_content_encoding(mut self, content_encoding: Option<ContentEncoding>) -> Self {
        self.content_encoding = content_encoding;
        self
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Payload({}, {} bytes", self.content_type, self.body.len())?;
        if let Some(encoding) = self.content_encoding {
            write!(formatter, ", {}", encoding.as_str())?;
        }
        formatter.write_str(")")
    }
}
