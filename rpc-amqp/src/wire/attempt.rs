//! A message that is sent again, counted.

use lapin::types::FieldTable;

use super::headers::Headers;
use super::words;

/// The headers of a message that is sent again as `attempt`: the flat ones, since only a stranger sends others. What
/// the broker has counted is part of the attempt, and so is left out.
pub(crate) fn attempt_headers(headers: Option<&FieldTable>, attempt: u32) -> FieldTable {
    let headers = headers.into_iter().flat_map(|headers| headers.inner());
    headers
        .filter(|(key, _)| key.as_str() != words::DELIVERY_COUNT)
        .fold(Headers::default(), |kept, (key, value)| kept.keep_flat(key, value))
        .number(words::ATTEMPT, attempt.into())
        .into_table()
}
