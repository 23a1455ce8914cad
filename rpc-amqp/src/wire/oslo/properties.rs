//! The properties of every message, exactly as Python sets them.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{FieldTable, ShortString};
use rpc_core::Error;

use super::super::headers::milliseconds;
use super::unspeakable;

pub(super) const JSON: &str = "application/json";
const UTF_8: &str = "utf-8";
const PERSISTENT: u8 = 2;

/// The properties of a message that lives for `time_to_live`.
pub(super) fn properties(time_to_live: Option<Duration>) -> Result<BasicProperties, Error> {
    let properties = BasicProperties::default()
        .with_content_type(short(JSON)?)
        .with_content_encoding(short(UTF_8)?)
        .with_headers(FieldTable::default())
        .with_delivery_mode(PERSISTENT)
        .with_priority(0);
    Ok(match time_to_live {
        Some(time) => properties.with_expiration(short(&milliseconds(time).to_string())?),
        None => properties,
    })
}

fn short(text: &str) -> Result<ShortString, Error> {
    ShortString::try_new(text).map_err(|error| unspeakable(error.to_string()))
}
