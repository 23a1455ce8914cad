//! What a filter can look at.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::Filter;
use crate::message::NotificationMessage;

/// What a filter can look at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Field {
    EventType,
    PublisherId,
    Context(String),
    Metadata(String),
    /// Last, because it costs most to look at.
    Payload(String),
}

impl Field {
    /// All that `filter` looks at, with its expressions.
    pub(super) fn of(filter: &Filter) -> impl Iterator<Item = (Self, &str)> {
        fn of_map(
            map: &BTreeMap<String, String>,
            field: fn(String) -> Field,
        ) -> impl Iterator<Item = (Field, &str)> {
            map.iter().map(move |(key, expression)| (field(key.clone()), expression.as_str()))
        }
        let named = [(Self::EventType, &filter.event_type), (Self::PublisherId, &filter.publisher_id)];
        let named = named.into_iter().filter_map(|(field, expression)| Some((field, expression.as_deref()?)));
        named
            .chain(of_map(&filter.context, Self::Context))
            .chain(of_map(&filter.metadata, Self::Metadata))
            .chain(of_map(&filter.payload, Self::Payload))
    }

    /// The text of an event, unless it is one of the payload's.
    pub(super) fn text<'a>(&self, message: &'a NotificationMessage) -> Option<Cow<'a, str>> {
        match self {
            Self::EventType => Some(message.event_type.as_str().into()),
            Self::PublisherId => Some(message.publisher_id.as_str().into()),
            Self::Context(key) => {
                let own = || (key == "request_id").then(|| message.context.request_id.as_str());
                message.context.metadata.get(key).or_else(own).map(Cow::Borrowed)
            }
            Self::Metadata(key) => match key.as_str() {
                "message_id" => Some(message.message_id.as_str().into()),
                "timestamp" => Some(timestamp(message.timestamp_ms).into()),
                _ => None,
            },
            Self::Payload(_) => None,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventType => formatter.write_str("event_type"),
            Self::PublisherId => formatter.write_str("publisher_id"),
            Self::Context(key) => write!(formatter, "context {key:?}"),
            Self::Metadata(key) => write!(formatter, "metadata {key:?}"),
            Self::Payload(key) => write!(formatter, "payload {key:?}"),
        }
    }
}

/// Date and time in UTC, by the calendar of today for all times.
fn timestamp(since_epoch_ms: u64) -> String {
    let (seconds, milliseconds) = (since_epoch_ms / 1_000, since_epoch_ms % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their odd day at the end. 719,468 days lie between the first of March of the year
    // zero and the epoch; an era of 400 years has 146,097.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_dates() {
        for (since_epoch_ms, expected) in [
            (0, "1970-01-01 00:00:00.000000"),
            (951_782_400_000, "2000-02-29 00:00:00.000000"),
            (951_868_799_999, "2000-02-29 23:59:59.999000"),
            (951_868_800_000, "2000-03-01 00:00:00.000000"),
            (1_778_676_780_123, "2026-05-13 12:53:00.123000"),
            (4_107_542_399_000, "2100-02-28 23:59:59.000000"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000000"),
        ] {
            assert_eq!(timestamp(since_epoch_ms), expected);
        }
        // The latest time that a message can say.
        assert!(timestamp(u64::MAX).starts_with("584556019-"));
    }
}
