//! Which events are wanted.

mod bits;
mod condition;
mod field;
mod set;
mod texts;

use std::collections::BTreeMap;

use serde::Deserialize;

pub(crate) use self::bits::Bits as Passed;
pub(crate) use self::set::FilterSet;

/// Which events are wanted, by regular expressions over what they carry.
///
/// Everything that is said has to match. An expression matches from the start of a text and need not reach its end, as in
/// oslo.messaging: `compute\.` wants `compute.instance.create`, and `compute$` only `compute`. What an event does not have,
/// and what is not text, matches nothing. The syntax is that of the crate `regex`, whose time is linear in the length of the
/// text, whatever the expression.
///
/// Expressions are compiled when a listener starts, together for all of its filters: a bad one fails there.
///
/// ```
/// use rpc_core::Filter;
///
/// let filter = Filter::new().event_type(r"compute\.instance\.").payload("state", "active|error");
/// # drop(filter);
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Filter {
    publisher_id: Option<String>,
    event_type: Option<String>,
    context: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
    payload: BTreeMap<String, String>,
}

impl Filter {
    /// A filter that wants every event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants publishers like this.
    pub fn publisher_id(mut self, expression: impl Into<String>) -> Self {
        self.publisher_id = Some(expression.into());
        self
    }

    /// Wants event types like this.
    pub fn event_type(mut self, expression: impl Into<String>) -> Self {
        self.event_type = Some(expression.into());
        self
    }

    /// Wants contexts whose metadata has such a value under `key`; `request_id` is the request id, unless the metadata has
    /// that key. May be said for several keys.
    pub fn context(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        self.context.insert(key.into(), expression.into());
        self
    }

    /// Wants events with such a `message_id` or `timestamp`; no other key ever matches. A timestamp has the form
    /// `2026-05-13 12:53:00.123000`, in UTC.
    pub fn metadata(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), expression.into());
        self
    }

    /// Wants payloads that are a map and have such a text under `key`. Only the outermost map is looked at. May be said for
    /// several keys.
    pub fn payload(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        self.payload.insert(key.into(), expression.into());
        self
    }
}
