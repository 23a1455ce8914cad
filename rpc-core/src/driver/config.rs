//! A notifier as a configuration describes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::registry::misconfigured;
use super::{Driver, Drivers, Routing, RoutingRules};
use crate::error::Error;
use crate::notifier::{Notifier, RetryPolicy};
use crate::payload::ContentType;
use crate::target::Target;

/// A notifier as a configuration describes it, in whatever format a program keeps its own. A
/// [`Background`](crate::Background), which needs a runtime and an end, is given in code.
///
/// ```
/// # use rpc_core::{MemoryTransport, Notifier, driver::{Drivers, NotifierConfig}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: NotifierConfig = serde_json::from_str(r#"{ "drivers": ["messaging", "log"], "topics": ["audit"] }"#)?;
/// let drivers = Drivers::new().transport(&MemoryTransport::new());
/// let notifier = Notifier::from_config(&config, &drivers, "conductor.cell-1")?;
/// # assert!(notifier.is_enabled());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NotifierConfig {
    /// The names of the drivers. Default: `messaging`.
    pub drivers: Vec<String>,
    /// The exchange. Default: [`Target::DEFAULT_EXCHANGE`].
    pub exchange: String,
    /// The topics. Default: [`Notifier::DEFAULT_TOPIC`].
    pub topics: Vec<String>,
    /// How long is waited for the broker, in seconds, all attempts included. Default: [`Notifier::DEFAULT_TIMEOUT`].
    pub timeout_seconds: u32,
    /// How payloads are encoded, such as `application/json`. Default: as the drivers ask for it.
    pub content_type: Option<String>,
    /// How often is tried at most. Default: [`RetryPolicy::DEFAULT_ATTEMPTS`].
    pub attempts: u32,
    /// The fields of the context that go out with events. Default: none.
    pub context_fields: Vec<String>,
    /// The file with the rules of the driver `routing`. Default: none, and then that driver does nothing.
    pub routing_rules: Option<PathBuf>,
}

impl Default for NotifierConfig {
    fn default() -> Self {
        Self {
            drivers: vec!["messaging".to_owned()],
            exchange: Target::DEFAULT_EXCHANGE.to_owned(),
            topics: vec![Notifier::DEFAULT_TOPIC.to_owned()],
            timeout_seconds: u32::try_from(Notifier::DEFAULT_TIMEOUT.as_secs()).unwrap_or(u32::MAX),
            content_type: None,
            attempts: RetryPolicy::DEFAULT_ATTEMPTS,
            context_fields: Vec::new(),
            routing_rules: None,
        }
    }
}

impl Notifier {
    /// A notifier for `publisher_id` as `config` describes it, with drivers out of `known` and `routing`. What is set on it
    /// later wins. Reads the file of routing rules, if there is one, which blocks the thread.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) for a driver that is not known, a driver that is named
    /// twice, a content type that is not known, and rules that are not understood.
    pub fn from_config(
        config: &NotifierConfig,
        known: &Drivers,
        publisher_id: impl Into<String>,
    ) -> Result<Self, Error> {
        let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
        for (index, name) in config.drivers.iter().enumerate() {
            if config.drivers[..index].contains(name) {
                return Err(misconfigured(format!("the notification driver {name:?} is named twice")));
            }
            drivers.push(if name == "routing" {
                Arc::new(routing(config, known)?)
            } else {
                known.get(name)?
            });
        }
        let content_type = config.content_type.as_deref().map(|name| {
            name.parse::<ContentType>().map_err(|error| misconfigured(format!("the content type: {error}")))
        });
        let notifier = Self::with_drivers(publisher_id, drivers);
        let notifier = match content_type.transpose()? {
            Some(content_type) => notifier.content_type(content_type),
            None => notifier,
        };
        Ok(notifier
            .exchange(&config.exchange)
            .timeout(Duration::from_secs(config.timeout_seconds.into()))
            .topics(config.topics.iter().cloned())
            .retry(RetryPolicy::new().attempts(config.attempts))
            .context_fields(config.context_fields.iter().cloned()))
    }
}

fn routing(config: &NotifierConfig, known: &Drivers) -> Result<Routing, Error> {
    let rules = config.routing_rules.as_ref().map(RoutingRules::from_file).transpose()?;
    Routing::new(&rules.unwrap_or_default(), known)
}
