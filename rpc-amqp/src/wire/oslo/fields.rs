//! The keys of a JSON object, not looked into yet.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use rpc_core::message::Malformed;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The keys of a JSON object, not looked into yet. Of a key that stands there twice the last one counts, as in Python.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Fields<'a>(#[serde(borrow)] BTreeMap<Key<'a>, &'a RawValue>);

#[derive(Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'a> Fields<'a> {
    /// The object that `text` is.
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text)
            .map_err(|error| Malformed::new(format!("the message is not a JSON object: {error}")))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What stands under `key`; `None` for null, too.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(|value| value.get()).filter(|value| *value != "null")
    }

    /// The text under `key`; `None` when there is nothing, or null.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<String>, Malformed> {
        self.raw(key)
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_| Malformed::new(format!("the key {key} is not text")))
    }

    /// What stands under `key`, if it is of that type.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.raw(key).and_then(|value| serde_json::from_str(value).ok())
    }

    /// All keys that begin with `prefix`, without it, and what stands there.
    pub(super) fn under(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().filter_map(move |(Key(key), value)| Some((key.strip_prefix(prefix)?, value.get())))
    }
}
