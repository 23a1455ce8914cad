//! Keeps events for a test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use super::{Driver, Emission};
use crate::codec;
use crate::error::Error;
use crate::message::NotificationMessage;
use crate::notification::Notification;
use crate::transport::async_trait;

/// Keeps events in memory, for tests of what a service emits. Clones share what they keep: the latest 65,536.
///
/// ```
/// use std::sync::Arc;
///
/// use rpc_core::driver::{Capture, Driver};
/// use rpc_core::{Notification, Notifier};
///
/// #[derive(Debug, Notification, PartialEq, serde::Deserialize, serde::Serialize)]
/// #[notification(event_type = "node.power_set")]
/// struct PowerSet { on: bool }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rpc_core::Error> {
/// let capture = Capture::new();
/// let notifier = Notifier::with_drivers("cell-1", [Arc::new(capture.clone()) as Arc<dyn Driver>]);
/// notifier.emit(&PowerSet { on: true }).await?;
/// assert_eq!(capture.typed::<PowerSet>()?, [PowerSet { on: true }]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Capture {
    events: Arc<Mutex<VecDeque<NotificationMessage>>>,
}

impl Capture {
    const MOST: usize = 65_536;

    /// A driver that has kept nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<NotificationMessage> {
        self.with_events(|events| events.iter().cloned().collect())
    }

    /// The payloads of the events of type `T`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Code::Malformed`](crate::Code::Malformed) when an event has the type of `T` and does not decode into it.
    pub fn typed<T: Notification + DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let events = self.events();
        let typed = events.iter().filter(|event| event.event_type == T::EVENT_TYPE);
        typed.map(|event| Ok(codec::decode(&event.payload)?)).collect()
    }

    /// Forgets all events.
    pub fn clear(&self) {
        self.with_events(VecDeque::clear);
    }

    /// Nothing that runs under this lock calls code that could panic or wait.
    fn with_events<R>(&self, work: impl FnOnce(&mut VecDeque<NotificationMessage>) -> R) -> R {
        work(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Driver for Capture {
    fn name(&self) -> &str {
        "capture"
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        let event = emission.message().clone();
        self.with_events(|events| {
            if events.len() == Self::MOST {
                events.pop_front();
            }
            events.push_back(event);
        });
        Ok(())
    }
}
