//! What stands behind the question mark.

use std::time::Duration;

use super::error::UrlError;
use crate::settings::{QueueType, Topology};

pub(super) const KEYS: [&str; 10] = [
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
            _ => wire(value)?,
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

fn wire(value: &str) -> Result<(), UrlError> {
    match value {
        "native" => Ok(()),
        "oslo" => Err(UrlError::OsloWire),
        _ => Err(UrlError::Value { key: "wire", allowed: "native" }),
    }
}

fn number(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
