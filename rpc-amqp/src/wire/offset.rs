//! Where a message was read.

use lapin::types::FieldTable;

use super::headers::number;
use super::words;

/// The place of a message in the stream that it was read from, as the broker says.
pub(crate) fn stream_offset(headers: Option<&FieldTable>) -> Option<u64> {
    number(headers?, words::STREAM_OFFSET)
}
