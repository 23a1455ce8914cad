//! What three services have used, and where a collector adds it up.

mod store;

use rpc_core::Notification;
use serde::{Deserialize, Serialize};

pub use self::store::{Added, Store};

/// The topic that usage is told on.
pub const TOPIC: &str = "metering";

/// What the instances of a project have used.
#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "compute.usage", priority = "sample")]
#[non_exhaustive]
pub struct ComputeUsage {
    /// Who pays.
    pub project: String,
    /// Cores, each for so many seconds.
    pub core_seconds: u64,
}

/// What the volumes of a project have used.
#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "volume.usage", priority = "sample")]
#[non_exhaustive]
pub struct VolumeUsage {
    /// Who pays.
    pub project: String,
    /// GiB, each for so many seconds.
    pub gibibyte_seconds: u64,
}

/// What a project has sent and received.
#[derive(Clone, Debug, Deserialize, Eq, Notification, PartialEq, Serialize)]
#[notification(event_type = "network.usage", priority = "sample")]
#[non_exhaustive]
pub struct NetworkUsage {
    /// Who pays.
    pub project: String,
    /// Bytes.
    pub bytes: u64,
}

/// What the collector keeps of an event, whichever it is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// Who pays.
    pub project: String,
    /// For what.
    pub meter: &'static str,
    /// How much, in the unit of the meter.
    pub amount: u64,
}

impl ComputeUsage {
    /// So much in the name of a project.
    #[must_use]
    pub fn new(project: impl Into<String>, core_seconds: u64) -> Self {
        Self { project: project.into(), core_seconds }
    }
}

impl VolumeUsage {
    /// So much in the name of a project.
    #[must_use]
    pub fn new(project: impl Into<String>, gibibyte_seconds: u64) -> Self {
        Self { project: project.into(), gibibyte_seconds }
    }
}

impl NetworkUsage {
    /// So much in the name of a project.
    #[must_use]
    pub fn new(project: impl Into<String>, bytes: u64) -> Self {
        Self { project: project.into(), bytes }
    }
}

impl From<ComputeUsage> for Sample {
    fn from(usage: ComputeUsage) -> Self {
        Self { project: usage.project, meter: "core seconds", amount: usage.core_seconds }
    }
}

impl From<VolumeUsage> for Sample {
    fn from(usage: VolumeUsage) -> Self {
        Self { project: usage.project, meter: "gibibyte seconds", amount: usage.gibibyte_seconds }
    }
}

impl From<NetworkUsage> for Sample {
    fn from(usage: NetworkUsage) -> Self {
        Self { project: usage.project, meter: "bytes", amount: usage.bytes }
    }
}
