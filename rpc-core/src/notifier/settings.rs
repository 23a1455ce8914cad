//! What a notifier was told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Background, Notifier, RetryPolicy};
use crate::codec::Compression;
use crate::context::{Context, ContextFields};
use crate::driver::{self, Driver};
use crate::error::{Code, Error, Phase};
use crate::payload::ContentType;
use crate::target::Target;

/// What a notifier was told; shared by its copies and by the events that are on their way.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) publisher_id: String,
    pub(crate) exchange: String,
    pub(crate) topics: Vec<String>,
    /// `None` until it is said.
    pub(super) content_type: Option<ContentType>,
    pub(super) compression: Compression,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(super) context: Option<Context>,
    pub(super) context_fields: ContextFields,
    pub(crate) drivers: Vec<Arc<dyn Driver>>,
    pub(super) background: Option<Background>,
}

impl Settings {
    pub(crate) fn new(publisher_id: String, drivers: Vec<Arc<dyn Driver>>) -> Self {
        Self {
            publisher_id,
            exchange: Target::DEFAULT_EXCHANGE.to_owned(),
            topics: vec![Notifier::DEFAULT_TOPIC.to_owned()],
            content_type: None,
            compression: Compression::default(),
            timeout: Notifier::DEFAULT_TIMEOUT,
            retry: RetryPolicy::default(),
            context: None,
            context_fields: ContextFields::default(),
            drivers,
            background: None,
        }
    }

    /// How payloads are encoded.
    pub(super) fn content_type(&self) -> ContentType {
        self.content_type.or_else(|| driver::content_type(&self.drivers)).unwrap_or_default()
    }

    /// Checks everything that can be checked without the broker.
    pub(super) fn check(&self, event_type: &str) -> Result<(), Error> {
        let names = self.topics.iter().chain([&self.exchange]);
        let message = if event_type.is_empty() || event_type.len() > 255 {
            "an event type has 1 to 255 bytes"
        } else if self.topics.is_empty() || names.into_iter().any(String::is_empty) {
            "a notifier needs a topic, and names that are not empty"
        } else {
            return Ok(());
        };
        Err(Error::new(Code::InvalidArguments, message).with_phase(Phase::Publish))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drivers: Vec<_> = self.drivers.iter().map(|driver| driver.name()).collect();
        formatter
            .debug_struct("Settings")
            .field("publisher_id", &self.publisher_id)
            .field("exchange", &self.exchange)
            .field("topics", &self.topics)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("context_fields", &self.context_fields)
            .field("drivers", &drivers)
            .finish_non_exhaustive()
    }
}
