//! What the query says about the peers on the `oslo` wire.

use std::time::Duration;

use super::error::UrlError;
use super::value::{choice, number, text, truth};
use crate::settings::{NAME, OsloCompression, OsloOptions, is_name};

/// What the query says about the peers on the `oslo` wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OsloKeys {
    pub(crate) control_exchange: Option<String>,
    pub(crate) durable: Option<bool>,
    pub(crate) auto_delete: Option<bool>,
    pub(crate) transient_quorum: Option<bool>,
    pub(crate) transient_queues_ttl: Option<Duration>,
    pub(crate) stream_fanout: Option<bool>,
    pub(crate) quorum_delivery_limit: Option<u32>,
    pub(crate) quorum_max_memory_length: Option<u32>,
    pub(crate) quorum_max_memory_bytes: Option<u64>,
    pub(crate) ha_queues: Option<bool>,
    pub(crate) cancel_on_failover: Option<bool>,
    pub(crate) use_queue_manager: Option<bool>,
    pub(crate) hostname: Option<String>,
    pub(crate) processname: Option<String>,
    pub(crate) compression: Option<OsloCompression>,
    /// The first key that was there, under the name that it was given.
    pub(crate) first: Option<&'static str>,
    /// Whether Python was told to set no prefetch.
    pub(crate) has_no_prefetch: bool,
}

impl OsloKeys {
    pub(super) const KEYS: [&str; 15] = [
        "control_exchange",
        "durable",
        "auto_delete",
        "transient_quorum",
        "transient_queues_ttl",
        "stream_fanout",
        "quorum_delivery_limit",
        "quorum_max_memory_length",
        "quorum_max_memory_bytes",
        "ha_queues",
        "cancel_on_failover",
        "use_queue_manager",
        "hostname",
        "processname",
        "compression",
    ];

    /// Takes the value of one of [`KEYS`](Self::KEYS). `false` when `key` is none of them.
    pub(super) fn take(&mut self, key: &'static str, value: &str) -> Result<bool, UrlError> {
        match key {
            "control_exchange" => {
                let allowed = (key, "a name of 1 to 255 bytes, percent-encoded");
                let name = text(allowed, value, |name| (1..=255).contains(&name.len()))?;
                self.control_exchange = Some(name);
            }
            "durable" => self.durable = Some(truth(key, value)?),
            "auto_delete" => self.auto_delete = Some(truth(key, value)?),
            "transient_quorum" => self.transient_quorum = Some(truth(key, value)?),
            "transient_queues_ttl" => self.transient_queues_ttl = Some(time_to_live(key, value)?),
            "stream_fanout" => self.stream_fanout = Some(truth(key, value)?),
            "quorum_delivery_limit" => self.quorum_delivery_limit = Some(limit(key, value)?),
            "quorum_max_memory_length" => self.quorum_max_memory_length = Some(limit(key, value)?),
            "quorum_max_memory_bytes" => self.quorum_max_memory_bytes = Some(size(key, value)?),
            "ha_queues" => self.ha_queues = Some(truth(key, value)?),
            "cancel_on_failover" => self.cancel_on_failover = Some(truth(key, value)?),
            "use_queue_manager" => self.use_queue_manager = Some(truth(key, value)?),
            "hostname" => self.hostname = Some(text((key, NAME), value, is_name)?),
            "processname" => self.processname = Some(text((key, NAME), value, is_name)?),
            "compression" => {
                let words = OsloCompression::ALL.map(|compression| (compression.as_str(), compression));
                self.compression = Some(choice((key, "none or gzip"), words, value)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The options with what was said.
    pub(crate) fn applied_to(self, options: OsloOptions) -> OsloOptions {
        let Self { first: _, has_no_prefetch: _, .. } = self;
        OsloOptions {
            control_exchange: self.control_exchange.unwrap_or(options.control_exchange),
            durable: self.durable.unwrap_or(options.durable),
            auto_delete: self.auto_delete.unwrap_or(options.auto_delete),
            transient_quorum: self.transient_quorum.unwrap_or(options.transient_quorum),
            transient_queues_ttl: self.transient_queues_ttl.unwrap_or(options.transient_queues_ttl),
            stream_fanout: self.stream_fanout.unwrap_or(options.stream_fanout),
            quorum_delivery_limit: self.quorum_delivery_limit.unwrap_or(options.quorum_delivery_limit),
            quorum_max_memory_length: self
                .quorum_max_memory_length
                .unwrap_or(options.quorum_max_memory_length),
            quorum_max_memory_bytes: self.quorum_max_memory_bytes.unwrap_or(options.quorum_max_memory_bytes),
            ha_queues: self.ha_queues.unwrap_or(options.ha_queues),
            cancel_on_failover: self.cancel_on_failover.unwrap_or(options.cancel_on_failover),
            use_queue_manager: self.use_queue_manager.unwrap_or(options.use_queue_manager),
            hostname: self.hostname.or(options.hostname),
            processname: self.processname.or(options.processname),
            compression: self.compression.unwrap_or(options.compression),
        }
    }
}

fn time_to_live(key: &'static str, value: &str) -> Result<Duration, UrlError> {
    let seconds = number(value).filter(|seconds| *seconds <= OsloOptions::LONGEST_TTL.as_secs());
    seconds.map(Duration::from_secs).ok_or(UrlError::Value { key, allowed: "0 to 2000000 seconds" })
}

fn limit(key: &'static str, value: &str) -> Result<u32, UrlError> {
    number(value)
        .ok_or(UrlError::Value { key, allowed: "a number from 0 to 4294967295, where 0 sets no limit" })
}

fn size(key: &'static str, value: &str) -> Result<u64, UrlError> {
    let bytes = number(value).filter(|bytes| i64::try_from(*bytes).is_ok());
    bytes.ok_or(UrlError::Value { key, allowed: "a number of bytes below 2^63, where 0 sets no limit" })
}
