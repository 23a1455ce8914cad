//! How much a server did, and how long it took.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ServerIdentity;

/// How much a server did since it was started.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Which server this is.
    pub server: ServerIdentity,
    /// How long ago it was started, in milliseconds.
    pub uptime_ms: u64,
    /// How many requests it runs at a time at most.
    pub workers: u16,
    /// How many requests it holds now, those included that wait for a copy that runs or for their caller to be there.
    pub running: u64,
    /// How many messages it moved to the dead-letter queue.
    pub rejected: u64,
    /// How many requests reached no method, by the word of the [`Code`](crate::Code) that they ended with: a method that is
    /// not there, a message that could not be read, a deadline that had passed.
    pub refused: BTreeMap<String, u64>,
    /// Each method that is served, in the order of [`Info::interfaces`](super::Info::interfaces).
    pub methods: Vec<MethodStats>,
}

/// How much was done for one method.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MethodStats {
    /// The namespace of the interface.
    pub namespace: Option<String>,
    /// The version of the interface, `major.minor`.
    pub version: String,
    /// The method.
    pub method: String,
    /// How many runs have ended, well or not, and how many requests were refused before their start.
    pub calls: u64,
    /// How many run now.
    pub in_flight: u64,
    /// How many of the calls did not end well, by the word of their [`Code`](crate::Code).
    pub errors: BTreeMap<String, u64>,
    /// How long the runs took that have ended.
    pub latency: Distribution,
    /// How long requests waited in this process for a worker. What they waited at the broker is not known here.
    pub queue_wait: Distribution,
}

/// Times in microseconds, each off by 7 % at most; exact below 16 microseconds. The largest is exact. All are 0 when there are
/// none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// How many times were measured.
    pub count: u64,
    /// Their mean.
    pub mean_us: u64,
    /// The median: half are no longer.
    pub p50_us: u64,
    /// 90 % are no longer.
    pub p90_us: u64,
    /// 99 % are no longer.
    pub p99_us: u64,
    /// 99.9 % are no longer.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl MethodStats {
    /// Of a method that nobody has called.
    pub(crate) fn none() -> Self {
        Self {
            namespace: None,
            version: String::new(),
            method: String::new(),
            calls: 0,
            in_flight: 0,
            errors: BTreeMap::new(),
            latency: Distribution::default(),
            queue_wait: Distribution::default(),
        }
    }
}
