//! What a stranger may publish, and a service that none of it may run.

mod cases;

use std::fmt;
use std::sync::Arc;

use rpc_core::{Value, service};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

pub use self::cases::{
    Case, add, bodies, encode, envelopes, good_call, hostile_addresses, large, nested, refused, shapes,
    unanswerable, unserved,
};
use crate::raw::Message;

/// The service that hostile requests are sent to.
#[service(namespace = "counting", version = "1.2")]
pub trait Counter {
    /// Counts, and adds.
    #[call]
    async fn add(&self, left: i64, right: i64) -> i64;
    /// Counts, and takes a value of any shape.
    #[call]
    async fn keep(&self, record: Value);
    /// Counts, and returns what cannot be written.
    #[call]
    async fn unwritable(&self) -> Unwritable;
    /// Counts, and fails with an error that has no text.
    #[call]
    async fn unspeakable(&self) -> Result<u64, Unspeakable>;
}

/// The service. It calls a function whenever a method runs.
pub struct Counting(Arc<dyn Fn() + Send + Sync>);

/// A result without a form.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Unwritable;

/// An error whose text cannot be produced.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Unspeakable;

impl Counting {
    /// Calls `count` whenever a method runs.
    #[must_use]
    pub fn new(count: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Counting").finish_non_exhaustive()
    }
}

impl Counter for Counting {
    async fn add(&self, left: i64, right: i64) -> i64 {
        (self.0)();
        left + right
    }

    async fn keep(&self, _: Value) {
        (self.0)();
    }

    async fn unwritable(&self) -> Unwritable {
        (self.0)();
        Unwritable
    }

    async fn unspeakable(&self) -> Result<u64, Unspeakable> {
        (self.0)();
        Err(Unspeakable)
    }
}

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("asked to"))
    }
}

/// Printing it panics.
impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("asked to")
    }
}
