//! What a request asked for.

use super::Request;
use crate::readable::readable;

/// The method that a request asked for, when no endpoint has it in that version. For wires whose peers tell it in words of
/// their own.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Asked {
    /// The method, cut to [`LONGEST`](Self::LONGEST), without control characters.
    pub method: String,
    /// The version in the caller's own words, cut likewise.
    pub version: String,
}

impl Asked {
    /// Longest name of a method, in bytes.
    pub const LONGEST: usize = 1_024;

    /// What `request` asks for.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let version =
            request.version_text.as_deref().map_or_else(|| request.version.to_string(), str::to_owned);
        Self {
            method: readable(request.method.clone().into_owned(), Self::LONGEST),
            version: readable(version, Self::LONGEST),
        }
    }
}
