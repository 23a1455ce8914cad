//! Values of keys.

use std::time::Duration;

use super::error::UrlError;
use super::percent;

pub(super) fn seconds(key: &'static str, value: &str) -> Result<Duration, UrlError> {
    match number(value) {
        Some(seconds @ 1..=3_600_u16) => Ok(Duration::from_secs(seconds.into())),
        _ => Err(UrlError::Value { key, allowed: "1 to 3600 seconds" }),
    }
}

pub(super) fn truth(key: &'static str, value: &str) -> Result<bool, UrlError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(UrlError::Value { key, allowed: "true or false" }),
    }
}

/// One of `words`.
pub(super) fn choice<T: Copy, const N: usize>(
    (key, allowed): (&'static str, &'static str),
    words: [(&str, T); N],
    value: &str,
) -> Result<T, UrlError> {
    let found = words.into_iter().find_map(|(word, meaning)| (word == value).then_some(meaning));
    found.ok_or(UrlError::Value { key, allowed })
}

/// Percent-encoded text that `is_allowed`.
pub(super) fn text(
    (key, allowed): (&'static str, &'static str),
    value: &str,
    is_allowed: impl FnOnce(&str) -> bool,
) -> Result<String, UrlError> {
    percent::decode(value).filter(|text| is_allowed(text)).ok_or(UrlError::Value { key, allowed })
}

/// Digits and nothing else.
pub(super) fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}
