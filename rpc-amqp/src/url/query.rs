//! What stands behind the question mark.

use std::time::Duration;

use super::error::UrlError;
use super::oslo::OsloKeys;
use super::python::{self, PythonOption, Translated};
use super::value::{choice, number, seconds};
use crate::settings::{QueueType, RequestRouting, Topology, Wire};

/// The keys that any wire has, in the order in which an error lists them.
const KEYS: [&str; 11] = [
    "auth_mechanism",
    "heartbeat",
    "connection_timeout",
    "blocked_timeout",
    "prefetch",
    "queue_type",
    "reply_queue_type",
    "request_routing",
    "topology",
    "user_id",
    "wire",
];

/// All keys that can be written.
pub(super) fn keys() -> String {
    let keys: Vec<_> = KEYS.into_iter().chain(OsloKeys::KEYS).collect();
    keys.join(", ")
}

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
    pub(crate) request_routing: Option<RequestRouting>,
    pub(crate) topology: Option<Topology>,
    pub(crate) user_id: Option<bool>,
    pub(crate) wire: Option<Wire>,
    pub(crate) oslo: OsloKeys,
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
        // First, since of some that have one name there and here Python knows more values.
        if let Some(option) = python::find(key) {
            query.take_option(option, value, &mut seen)?;
        } else if let Some(key) = KEYS.into_iter().chain(OsloKeys::KEYS).find(|known| *known == key) {
            once(&mut seen, key)?;
            query.take(key, value)?;
        } else {
            return Err(UrlError::UnknownKey { key: shown(key) });
        }
    }
    Ok(query)
}

/// Under either name: two values would leave open which one counts.
fn once(seen: &mut Vec<&'static str>, key: &'static str) -> Result<(), UrlError> {
    if seen.contains(&key) {
        return Err(UrlError::DuplicateKey { key });
    }
    seen.push(key);
    Ok(())
}

impl Query {
    fn take(&mut self, key: &'static str, value: &str) -> Result<(), UrlError> {
        match key {
            "auth_mechanism" => self.auth_mechanism = auth_mechanism(value)?,
            "heartbeat" => self.heartbeat = Some(seconds(key, value)?),
            "connection_timeout" => self.connection_timeout = Some(seconds(key, value)?),
            "blocked_timeout" => self.blocked_timeout = Some(seconds(key, value)?),
            "prefetch" => self.most_prefetch = Some(prefetch(value)?),
            "queue_type" => self.queue_type = Some(queue_type(key, value)?),
            "reply_queue_type" => self.reply_queue_type = Some(queue_type(key, value)?),
            "request_routing" => self.request_routing = Some(request_routing(value)?),
            "topology" => self.topology = Some(topology(value)?),
            "user_id" => self.user_id = Some(user_id(value)?),
            "wire" => self.wire = Some(wire(value)?),
            _ => {
                if self.oslo.take(key, value)? {
                    self.oslo.first.get_or_insert(key);
                }
            }
        }
        Ok(())
    }

    /// Takes an option under its name in Python.
    fn take_option(
        &mut self,
        option: PythonOption,
        value: &str,
        seen: &mut Vec<&'static str>,
    ) -> Result<(), UrlError> {
        self.oslo.first.get_or_insert(option.name);
        match option.translate(value)? {
            Translated::Key(key, value) => {
                once(seen, key)?;
                self.take(key, value).map_err(|error| match error {
                    UrlError::Value { allowed, .. } => UrlError::Value { key: option.name, allowed },
                    error => error,
                })
            }
            Translated::NoPrefetch => {
                self.oslo.has_no_prefetch = true;
                once(seen, "prefetch")
            }
            Translated::Nothing => once(seen, option.name),
        }
    }
}

/// A key that is no word may be a piece of a password that was not escaped.
fn shown(key: &str) -> String {
    let is_word = key.len() <= 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { key.to_owned() } else { "…".to_owned() }
}

fn auth_mechanism(value: &str) -> Result<AuthMechanism, UrlError> {
    let words = [("plain", AuthMechanism::Plain), ("external", AuthMechanism::External)];
    choice(("auth_mechanism", "plain or external"), words, value)
}

fn prefetch(value: &str) -> Result<u16, UrlError> {
    match number(value) {
        Some(number @ 1..) => Ok(number),
        _ => Err(UrlError::Value { key: "prefetch", allowed: "a number from 1 to 65535" }),
    }
}

fn queue_type(key: &'static str, value: &str) -> Result<QueueType, UrlError> {
    let words = QueueType::ALL.map(|queue_type| (queue_type.as_str(), queue_type));
    choice((key, "classic or quorum"), words, value)
}

fn request_routing(value: &str) -> Result<RequestRouting, UrlError> {
    let words = RequestRouting::ALL.map(|routing| (routing.as_str(), routing));
    choice(("request_routing", "queue or exchange"), words, value)
}

fn topology(value: &str) -> Result<Topology, UrlError> {
    let words = Topology::ALL.map(|topology| (topology.as_str(), topology));
    choice(("topology", "declare or verify"), words, value)
}

fn user_id(value: &str) -> Result<bool, UrlError> {
    choice(("user_id", "on or off"), [("on", true), ("off", false)], value)
}

fn wire(value: &str) -> Result<Wire, UrlError> {
    let words = Wire::ALL.map(|wire| (wire.as_str(), wire));
    choice(("wire", "native or oslo"), words, value)
}
