//! An event with what its notifier was told.

use std::sync::Arc;
use std::time::Duration;

use super::together::{notify, notify_all};
use crate::error::Error;
use crate::message::NotificationMessage;
use crate::notifier::{RetryPolicy, Settings};

/// An event on its way to the drivers of its notifier, with what the notifier was told. Cheap enough to clone: the payload
/// is shared.
#[derive(Clone, Debug)]
pub struct Emission {
    message: NotificationMessage,
    settings: Arc<Settings>,
}

impl Emission {
    /// An event for `topics`, with the defaults of a notifier; for tests of drivers.
    #[must_use]
    pub fn new<T: Into<String>>(message: NotificationMessage, topics: impl IntoIterator<Item = T>) -> Self {
        let mut settings = Settings::new(message.publisher_id.clone(), Vec::new());
        settings.topics = topics.into_iter().map(Into::into).collect();
        Self { message, settings: Arc::new(settings) }
    }

    pub(crate) const fn of(message: NotificationMessage, settings: Arc<Settings>) -> Self {
        Self { message, settings }
    }

    /// The event.
    #[must_use]
    pub const fn message(&self) -> &NotificationMessage {
        &self.message
    }

    /// The exchange that it is for.
    #[must_use]
    pub fn exchange(&self) -> &str {
        &self.settings.exchange
    }

    /// The topics that it is for.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.settings.topics
    }

    /// How long a driver may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// How often a driver may try.
    pub fn retry(&self) -> RetryPolicy {
        self.settings.retry
    }

    /// How much room it takes while it waits, in bytes.
    pub(crate) const fn size(&self) -> usize {
        self.message.payload.body.len() + self.message.event_type.len() + size_of::<Self>()
    }

    /// Hands the event to all drivers at once, and waits for all.
    pub(crate) async fn deliver(&self) -> Result<(), Error> {
        if let [driver] = &self.settings.drivers[..] {
            return notify(&**driver, self).await;
        }
        notify_all(self.settings.drivers.iter().map(|driver| &**driver), self).await
    }

    /// `error` with what it is about.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let message = &self.message;
        error.about(&message.publisher_id, &message.event_type, &message.context.request_id)
    }
}
