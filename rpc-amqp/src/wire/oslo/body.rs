//! The outer JSON: a version, and the message as text.

use std::borrow::Cow;

use bytes::Bytes;
use rpc_core::Version;
use rpc_core::message::Malformed;

use super::super::Arrived;
use super::compression::expanded;
use super::fields::Fields;
use super::mending::mended;
use super::object::Object;
use super::{too_large, version, words};

/// The version that everybody writes.
const WRITTEN: &str = "2.0";
const SPOKEN: Version = Version::new(2, 0);
/// What a body may have beside arguments or a result: ids and context.
const MOST_BESIDE: usize = 64 * 1_024;

/// A message in its envelope.
pub(super) fn seal(message: &str) -> Bytes {
    let body = Object::new().text(words::VERSION_OF_ENVELOPE, WRITTEN).text(words::MESSAGE, message);
    Bytes::from(body.finish())
}

/// The message in its envelope, or as it is where there is none, which Python accepts as an older version.
///
/// A body may be twice as long as what it holds, since it is JSON as text within JSON.
pub(super) fn open<'a>(arrived: &'a Arrived<'_>, limit: usize) -> Result<Cow<'a, str>, Malformed> {
    let most = limit.saturating_mul(2).saturating_add(MOST_BESIDE);
    if arrived.body.len() > most {
        return Err(too_large("the body", arrived.body.len(), most));
    }
    let not_text = || Malformed::new("the body is not UTF-8");
    match expanded(&arrived.body, arrived.properties.headers().as_ref(), most)? {
        Cow::Borrowed(body) => opened(std::str::from_utf8(body).map_err(|_| not_text())?),
        Cow::Owned(body) => {
            let text = String::from_utf8(body).map_err(|_| not_text())?;
            opened(&text).map(|message| Cow::Owned(message.into_owned()))
        }
    }
}

fn opened(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if let Some(message) = unsealed(text) {
        return message.map(|message| Cow::Owned(into_mended(message)));
    }
    let text = mended(text);
    // What Python writes and JSON is not may stand beside the envelope, too.
    match unsealed(&text) {
        Some(message) => message.map(|message| Cow::Owned(into_mended(message))),
        None => Ok(text),
    }
}

/// What is in the envelope, if `text` is one.
fn unsealed(text: &str) -> Option<Result<String, Malformed>> {
    let fields = Fields::read(text).ok()?;
    if !fields.has(words::VERSION_OF_ENVELOPE) || !fields.has(words::MESSAGE) {
        return None;
    }
    let envelope = fields.get::<String>(words::VERSION_OF_ENVELOPE).and_then(|text| version::parse(&text));
    if !envelope.is_some_and(|envelope| SPOKEN.serves(envelope)) {
        return Some(Err(Malformed::new(
            "the envelope is not of version 2.0, the only one that is understood",
        )));
    }
    let message = fields.get(words::MESSAGE);
    Some(
        message
            .ok_or_else(|| Malformed::new("the envelope holds no text: oslo.message has to be JSON as text")),
    )
}

fn into_mended(text: String) -> String {
    match mended(&text) {
        Cow::Owned(mended) => mended,
        Cow::Borrowed(_) => text,
    }
}
