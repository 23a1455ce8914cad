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
mod together;

use std::sync::Arc;

use crate::error::Error;
use crate::payload::ContentType;
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
    /// Why the event is not where it should be. The notifier's other drivers get it all the same; a panic is such an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may or may not have taken the event.
    async fn notify(&self, emission: &Emission) -> Result<(), Error>;

    /// Whether it does nothing with events, so that a notifier without other drivers need not make them. Default: no.
    fn is_noop(&self) -> bool {
        false
    }

    /// How payloads have to be encoded unless the notifier is told otherwise. A notifier with several drivers takes an answer
    /// that is not [`ContentType::default`] before one that is. Default: `None`, any way is as good.
    fn content_type(&self) -> Option<ContentType> {
        None
    }
}

/// The answer of several drivers together: those who need something else than the default can read nothing else.
pub(crate) fn content_type<'a>(
    drivers: impl IntoIterator<Item = &'a Arc<dyn Driver>>,
) -> Option<ContentType> {
    let answers = drivers.into_iter().filter_map(|driver| driver.content_type());
    answers.reduce(|first, next| if first == ContentType::default() { next } else { first })
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

    fn content_type(&self) -> Option<ContentType> {
        (**self).content_type()
    }
}

const _: fn(&dyn Driver) = |_| {};
