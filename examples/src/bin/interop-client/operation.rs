//! What can be asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One line of input.
#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) id: Value,
    #[serde(flatten)]
    pub(crate) operation: Operation,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Operation {
    Call(Request),
    Cast(Request),
    Fanout(Request),
    Notify(Notify),
    Listen(Listen),
    Stats,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) topic: String,
    pub(crate) server: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) args: BTreeMap<String, Value>,
    /// Seconds.
    pub(crate) timeout: Option<f64>,
    #[serde(default)]
    pub(crate) context: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
pub(crate) struct Notify {
    pub(crate) topic: String,
    pub(crate) priority: String,
    pub(crate) event_type: String,
    pub(crate) publisher: String,
    #[serde(default)]
    pub(crate) payload: Value,
}

#[derive(Deserialize)]
pub(crate) struct Listen {
    pub(crate) topics: Vec<String>,
    pub(crate) pool: Option<String>,
}
