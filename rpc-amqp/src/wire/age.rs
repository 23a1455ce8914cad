//! Times that are left, at the moment when a message is handed over.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};

use super::words;

/// A shorter wait changes nothing: the way over the network is not counted either, and a new table costs more than all else.
const SHORT: u64 = 50;
/// Nor does one that is less than such a part of what there was.
const PART: u64 = 50;

/// `properties` after a message has waited for `time`: what is left on the wire counts from its publishing, and a
/// message can wait for its broker longer than a clock may be wrong.
pub(super) fn aged(mut properties: BasicProperties, time: Duration) -> BasicProperties {
    let waited = whole_milliseconds(time);
    if waited == 0 {
        return properties;
    }
    let left = |milliseconds: u64| milliseconds.saturating_sub(waited).max(1);
    let expiration: Option<u64> =
        properties.expiration().as_ref().and_then(|text| text.as_str().parse().ok());
    let timeout = properties.headers().as_ref().and_then(|headers| headers.inner().get(words::TIMEOUT_MS));
    let timeout = match timeout {
        Some(AMQPValue::LongLongInt(time)) => u64::try_from(*time).ok(),
        _ => None,
    };
    if is_as_good(expiration, timeout, time) {
        return properties;
    }
    if let Some(text) = expiration.and_then(|time| ShortString::try_new(left(time).to_string()).ok()) {
        properties = properties.with_expiration(text);
    }
    let key = ShortString::try_new(words::TIMEOUT_MS).ok();
    if let (Some(key), Some(mut headers)) = (key, properties.headers().clone())
        && let Some(AMQPValue::LongLongInt(time)) = headers.inner().get(words::TIMEOUT_MS)
    {
        let time = left(u64::try_from(*time).unwrap_or(0));
        headers.insert(key, AMQPValue::LongLongInt(i64::try_from(time).unwrap_or(i64::MAX)));
        properties = properties.with_headers(headers);
    }
    properties
}

/// Whether these times, in milliseconds, are good enough after a wait of `time`.
pub(super) fn is_as_good(expiration: Option<u64>, timeout: Option<u64>, time: Duration) -> bool {
    let waited = whole_milliseconds(time);
    waited == 0 || waited < SHORT && expiration.into_iter().chain(timeout).all(|time| waited * PART <= time)
}

fn whole_milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Headers;
    use super::*;

    #[test]
    fn both_times_shrink_and_neither_becomes_zero() {
        let headers = Headers::default().number(words::TIMEOUT_MS, 5_000).text("method", "m").into_table();
        let fresh = BasicProperties::default()
            .with_expiration(ShortString::try_new("5000").unwrap())
            .with_headers(headers);
        for (waited, left) in [(0, 5_000), (49, 5_000), (50, 4_950), (2_000, 3_000), (9_000, 1)] {
            let aged = aged(fresh.clone(), Duration::from_millis(waited));
            assert_eq!(aged.expiration().as_ref().unwrap().as_str(), left.to_string());
            let headers = aged.headers().as_ref().unwrap().inner();
            assert_eq!(headers[words::TIMEOUT_MS], AMQPValue::LongLongInt(left));
            assert_eq!(headers.len(), 2);
        }
        assert_eq!(aged(BasicProperties::default(), Duration::MAX), BasicProperties::default());
    }
}
