//! What stands behind the question mark.

use std::time::Duration;

use super::error::UrlError;
use super::percent;
use crate::settings::{OsloOptions, QueueType, Topology, Wire};

pub(super) const KEYS: [&str; 15] = [
    "auth_mechanism",
    "heartbeat",
    "connection_timeout",
    "blocked_timeout",
    "prefetch",
    "queue_type",
    "reply_queue_type",
    "topology",
    "user_id",
    "wire",
    "control_exchange",
    "durable",
    "auto_delete",
    "transient_quorum",
    "transient_queues_ttl",
];

/// What the query says; `None` where it is silent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query {
    pub(crate) auth_mechanism: AuthMechanism,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) connection_timeout: Option<Duration>,
    pub(crate) blocked_timeout: Option<Duration>,
    pub(crate) most_prefetch: Option<u16>,
    pub(crate) queue_type: Option<QueueType>,
    pub(crate) reply_queue_type: Option<QueueType>,
    pub(crate) topology: Option<Topology>,
    pub(crate) user_id: Option<bool>,
    pub(crate) wire: Option<Wire>,
    pub(crate) oslo: OsloKeys,
}

/// What the query says about the peers on the `oslo` wire.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OsloKeys {
    pub(crate) control_exchange: Option<String>,
    pub(crate) durable: Option<bool>,
    pub(crate) auto_delete: Option<bool>,
    pub(crate) transient_quorum: Option<bool>,
    pub(crate) transient_queues_ttl: Option<Duration>,
}

impl OsloKeys {
    /// The first key that was there, in the order of the alphabet.
    pub(crate) fn first_key(&self) -> Option<&'static str> {
        let Self { control_exchange, durable, auto_delete, transient_quorum, transient_queues_ttl } = self;
        let keys = [
            ("auto_delete", auto_delete.is_some()),
            ("control_exchange", control_exchange.is_some()),
            ("durable", durable.is_some()),
            ("transient_queues_ttl", transient_queues_ttl.is_some()),
            ("transient_quorum", transient_quorum.is_some()),
        ];
        keys.into_iter().find_map(|(key, is_there)| is_there.then_some(key))
    }

    /// The options with what was said.
    pub(crate) fn applied_to(&self, options: OsloOptions) -> OsloOptions {
        OsloOptions {
            control_exchange: self.control_exchange.clone().unwrap_or(options.control_exchange),
            durable: self.durable.unwrap_or(options.durable),
            auto_delete: self.auto_delete.unwrap_or(options.auto_delete),
            transient_quorum: self.transient_quorum.unwrap_or(options.transient_quorum),
            transient_queues_ttl: self.transient_queues_ttl.unwrap_or(options.transient_queues_ttl),
        }
    }
}

/// How we show who we are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum AuthMechanism {
    /// With user and password.
    #[default]
    Plain,
    /// With the certificate that TLS shows.
    External,
}

pub(super) fn parse(text: &str) -> Result<Query, UrlError> {
    let mut query = Query::default();
    let mut seen = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return Err(UrlError::UnknownKey { key: shown(key) });
        };
        if seen.contains(&key) {
            return Err(UrlError::DuplicateKey { key });
        }
        seen.push(key);
        match key {
            "auth_mechanism" => query.auth_mechanism = auth_mechanism(value)?,
            "heartbeat" => query.heartbeat = Some(seconds(key, value, "1 to 3600 seconds")?),
            "connection_timeout" => {
                query.connection_timeout = Some(seconds(key, value, "1 to 3600 seconds")?);
            }
            "blocked_timeout" => query.blocked_timeout = Some(seconds(key, value, "1 to 3600 seconds")?),
            "prefetch" => query.most_prefetch = Some(prefetch(value)?),
            "queue_type" => query.queue_type = Some(queue_type(key, value)?),
            "reply_queue_type" => query.reply_queue_type = Some(queue_type(key, value)?),
            "topology" => query.topology = Some(topology(value)?),
            "user_id" => query.user_id = Some(user_id(value)?),
            "control_exchange" => query.oslo.control_exchange = Some(control_exchange(value)?),
            "durable" => query.oslo.durable = Some(truth(key, value)?),
            "auto_delete" => query.oslo.auto_delete = Some(truth(key, value)?),
            "transient_quorum" => query.oslo.transient_quorum = Some(truth(key, value)?),
            "transient_queues_ttl" => query.oslo.transient_queues_ttl = Some(time_to_live(value)?),
            _ => query.wire = Some(wire(value)?),
        }
    }
    Ok(query)
}

/// A key that is no word may be a piece of a password that was not escaped.
fn shown(key: &str) -> String {
    let is_word = key.len() <= 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { key.to_owned() } else { "…".to_owned() }
}

fn seconds(key: &'static str, value: &str, allowed: &'static str) -> Result<Duration, UrlError> {
    match number(value) {
        Some(number @ 1..=3_600) => Ok(Duration::from_secs(number.into())),
        _ => Err(UrlError::Value { key, allowed }),
    }
}

fn auth_mechanism(value: &str) -> Result<AuthMechanism, UrlError> {
    match value {
        "plain" => Ok(AuthMechanism::Plain),
        "external" => Ok(AuthMechanism::External),
        _ => Err(UrlError::Value { key: "auth_mechanism", allowed: "plain or external" }),
    }
}

fn prefetch(value: &str) -> Result<u16, UrlError> {
    match number(value) {
        Some(number @ 1..) => Ok(number),
        _ => Err(UrlError::Value { key: "prefetch", allowed: "a number from 1 to 65535" }),
    }
}

fn queue_type(key: &'static str, value: &str) -> Result<QueueType, UrlError> {
    QueueType::ALL
        .into_iter()
        .find(|queue_type| queue_type.as_str() == value)
        .ok_or(UrlError::Value { key, allowed: "classic or quorum" })
}

fn topology(value: &str) -> Result<Topology, UrlError> {
    Topology::ALL
        .into_iter()
        .find(|topology| topology.as_str() == value)
        .ok_or(UrlError::Value { key: "topology", allowed: "declare or verify" })
}

fn user_id(value: &str) -> Result<bool, UrlError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(UrlError::Value { key: "user_id", allowed: "on or off" }),
    }
}

fn wire(value: &str) -> Result<Wire, UrlError> {
    Wire::ALL
        .into_iter()
        .find(|wire| wire.as_str() == value)
        .ok_or(UrlError::Value { key: "wire", allowed: "native or oslo" })
}

fn control_exchange(value: &str) -> Result<String, UrlError> {
    percent::decode(value).filter(|name| (1..=255).contains(&name.len())).ok_or(UrlError::Value {
        key: "control_exchange",
        allowed: "a name of 1 to 255 bytes, percent-encoded",
    })
}

fn truth(key: &'static str, value: &str) -> Result<bool, UrlError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(UrlError::Value { key, allowed: "true or false" }),
    }
}

fn time_to_live(value: &str) -> Result<Duration, UrlError> {
    let seconds = value.parse().ok().filter(|seconds| *seconds <= OsloOptions::LONGEST_TTL.as_secs());
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    seconds
        .filter(|_| is_plain)
        .map(Duration::from_secs)
        .ok_or(UrlError::Value { key: "transient_queues_ttl", allowed: "0 to 2000000 seconds" })
}

fn number(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
