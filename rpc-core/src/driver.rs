//! What becomes of an event that a notifier emits: it is published, written to the log, kept for a test, or several of
//! these.
//!
//! A [`Notifier`](crate::Notifier) has one driver or more, and each of its events goes to all of them at once.
//!
//! | driver | what it does with an event |
//! |---|---|
//! | [`Messaging`] | publishes it to the notifier's topics; what [`Notifier::new`](crate::Notifier::new) starts with |
//! | [`Log`] | writes it to the log, through `tracing` |
//! | [`Routing`] | hands it to other drivers, by rules from a file |
//! | [`Capture`] | keeps it in memory, for tests |
//! | [`Noop`] | nothing |
//!
//! A program chooses in code, or lets its configuration do it: [`NotifierConfig`] and [`Drivers`].

mod capture;
mod config;
mod emission;
mod log;
pub(crate) mod masking;
mod messaging;
mod noop;
mod registry;
mod routing;

use std::sync::Arc;

use crate::error::Error;
use crate::transport::async_trait;

pub use self::capture::Capture;
pub use self::config::NotifierConfig;
pub use self::emission::Emission;
pub use self::log::Log;
pub use self::messaging::Messaging;
pub use self::noop::Noop;
pub use self::registry::Drivers;
pub use self::routing::{Routing, RoutingRule, RoutingRules};

/// Takes the events of a notifier. Implementations stand under
/// [`async_trait`](crate::transport::async_trait).
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// The name in logs and configurations, such as `messaging`.
    fn name(&self) -> &str;

    /// Takes responsibility for an event. Returns within [`Emission::timeout`]: nobody cuts it short.
    ///
    /// # Errors
    ///
    /// Why the event is not where it should be. The notifier's other drivers get it all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may or may not have taken the event.
    async fn notify(&self, emission: &Emission) -> Result<(), Error>;

    /// Whether it does nothing with events, so that a notifier without other drivers need not make them. Default: no.
    fn is_noop(&self) -> bool {
        false
    }
}

#[async_trait]
impl<D: Driver + ?Sized> Driver for Arc<D> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn notify(&self, emission: &Emission) -> Result<(), Error> {
        (**self).notify(emission).await
    }

    fn is_noop(&self) -> bool {
        (**self).is_noop()
    }
}

const _: fn(&dyn Driver) = |_| {};
