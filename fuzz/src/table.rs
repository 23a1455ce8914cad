//! A service with methods of every kind and arguments of many shapes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rpc_core::{Value, service};
use serde::{Deserialize, Serialize};

pub(crate) const NAMESPACE: &str = "table";

/// An argument with something of everything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Record {
    pub number: u32,
    pub text: String,
    pub shape: Option<Shape>,
    #[serde(default)]
    pub more: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    pub inner: Option<Box<Self>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub enum Shape {
    Unit,
    One(i64),
    Two(char, bool),
    Named { list: Vec<Option<u8>> },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, thiserror::Error)]
pub enum Refused {
    #[error("refused {0}")]
    Number(u32),
    #[error("refused a record")]
    Record(Record),
}

/// Nothing but what is listed here can be run.
#[service(namespace = "table", version = "1.2")]
pub trait Table {
    #[call]
    async fn double(&self, number: i64) -> i64;
    #[call]
    async fn join(&self, words: Vec<String>, #[default] separator: Option<String>) -> String;
    #[call(idempotent)]
    async fn keep(&self, record: Value) -> Value;
    #[call(since = "1.1")]
    async fn copy(&self, record: Record) -> Record;
    #[call]
    async fn refuse(&self, number: u32) -> Result<(), Refused>;
    #[cast]
    async fn note(&self, record: Record);
}

/// What has run, in order.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<&'static str>>>);

impl Recorder {
    pub(crate) fn runs(&self) -> Vec<&'static str> {
        self.0.lock().expect("nobody panics under it").clone()
    }

    fn run(&self, method: &'static str) {
        self.0.lock().expect("nobody panics under it").push(method);
    }
}

impl Table for Recorder {
    async fn double(&self, number: i64) -> i64 {
        self.run("double");
        number.wrapping_mul(2)
    }

    async fn join(&self, words: Vec<String>, separator: Option<String>) -> String {
        self.run("join");
        words.join(separator.as_deref().unwrap_or_default())
    }

    async fn keep(&self, record: Value) -> Value {
        self.run("keep");
        record
    }

    async fn copy(&self, record: Record) -> Record {
        self.run("copy");
        record
    }

    async fn refuse(&self, number: u32) -> Result<(), Refused> {
        self.run("refuse");
        Err(Refused::Number(number))
    }

    async fn note(&self, _record: Record) {
        self.run("note");
    }
}
