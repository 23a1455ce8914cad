//! Flat headers: text and whole numbers.

use std::borrow::Cow;
use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use rpc_core::Deadline;

/// Builds a table of headers.
#[derive(Default)]
pub(crate) struct Headers(FieldTable);

impl Headers {
    /// The flat ones of somebody else's message.
    pub(crate) fn flat(headers: Option<&FieldTable>) -> Self {
        let headers = headers.into_iter().flat_map(|headers| headers.inner());
        headers.fold(Self::default(), |kept, (key, value)| kept.keep_flat(key, value))
    }

    /// Adds text.
    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.insert(key, AMQPValue::LongString(LongString::from(value)));
        self
    }

    /// Adds a whole number.
    pub(super) fn number(mut self, key: &str, value: u64) -> Self {
        self.insert(key, AMQPValue::LongLongInt(i64::try_from(value).unwrap_or(i64::MAX)));
        self
    }

    /// Keeps a header of somebody else's message, if its value is flat.
    pub(super) fn keep_flat(mut self, key: &ShortString, value: &AMQPValue) -> Self {
        let is_nested = matches!(value, AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_));
        if !is_nested {
            self.0.insert(key.clone(), value.clone());
        }
        self
    }

    pub(crate) fn into_table(self) -> FieldTable {
        self.0
    }

    fn insert(&mut self, key: &str, value: AMQPValue) {
        // Our own keys are short, and a metadata key has at most 64 bytes.
        if let Ok(key) = ShortString::try_new(key) {
            self.0.insert(key, value);
        }
    }
}

/// Whole milliseconds, at least 1: "0" would tell the broker to drop the message unless somebody waits for it. And not
/// more than 30 days: a broker closes the channel over an expiry that it cannot count.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.min(Deadline::LONGEST).as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The text of a header; also of a number, since a client of another language may send a version as one.
pub(super) fn text<'a>(headers: &'a FieldTable, key: &str) -> Option<Cow<'a, str>> {
    match headers.inner().get(key)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(Cow::Borrowed),
        AMQPValue::ShortString(text) => Some(Cow::Borrowed(text.as_str())),
        AMQPValue::ByteArray(bytes) => std::str::from_utf8(bytes.as_slice()).ok().map(Cow::Borrowed),
        AMQPValue::Boolean(flag) => Some(Cow::Owned(flag.to_string())),
        AMQPValue::Float(number) => Some(Cow::Owned(with_fraction(f64::from(*number)))),
        AMQPValue::Double(number) => Some(Cow::Owned(with_fraction(*number))),
        value => whole(value).map(|number| Cow::Owned(number.to_string())),
    }
}

/// As [`text`], to keep.
pub(super) fn own_text(headers: &FieldTable, key: &str) -> Option<String> {
    text(headers, key).map(Cow::into_owned)
}

/// The whole number in a header, of any AMQP type, or as digits.
pub(super) fn number(headers: &FieldTable, key: &str) -> Option<u64> {
    let value = headers.inner().get(key)?;
    match whole(value) {
        Some(number) => u64::try_from(number).ok(),
        None => text(headers, key)?.parse().ok(),
    }
}

fn whole(value: &AMQPValue) -> Option<i128> {
    Some(match value {
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortShortUInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::ShortUInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongUInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Timestamp(number) => (*number).into(),
        _ => return None,
    })
}

/// `1.0` and not `1`, so that a version that was sent as a number is still one.
fn with_fraction(number: f64) -> String {
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(value: AMQPValue) -> FieldTable {
        let mut table = FieldTable::default();
        table.insert(ShortString::try_new("k").unwrap(), value);
        table
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        for value in [
            AMQPValue::ShortShortInt(7),
            AMQPValue::ShortShortUInt(7),
            AMQPValue::ShortInt(7),
            AMQPValue::ShortUInt(7),
            AMQPValue::LongInt(7),
            AMQPValue::LongUInt(7),
            AMQPValue::LongLongInt(7),
            AMQPValue::Timestamp(7),
            AMQPValue::LongString(LongString::from("7")),
        ] {
            assert_eq!(number(&table(value), "k"), Some(7));
        }
        assert_eq!(number(&table(AMQPValue::LongInt(-7)), "k"), None);
        assert_eq!(text(&table(AMQPValue::Double(1.0)), "k").as_deref(), Some("1.0"));
        assert_eq!(text(&table(AMQPValue::Void), "k"), None);
    }

    #[test]
    fn no_time_is_written_as_zero() {
        assert_eq!(milliseconds(Duration::MAX), 2_592_000_000);
        assert_eq!(milliseconds(Duration::ZERO), 1);
        assert_eq!(milliseconds(Duration::from_micros(1_900)), 1);
    }

    #[test]
    fn nested_values_are_not_kept() {
        let key = ShortString::try_new("k").unwrap();
        let kept = |value: AMQPValue| Headers::default().keep_flat(&key, &value).into_table().inner().len();
        assert_eq!(kept(AMQPValue::Void), 1);
        assert_eq!(kept(AMQPValue::FieldTable(FieldTable::default())), 0);
        assert_eq!(kept(AMQPValue::FieldArray(Vec::new().into())), 0);
    }
}
