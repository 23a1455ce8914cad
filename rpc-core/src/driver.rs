//! What becomes of an event that a notifier emits: it is published, written to the log, kept for a test, or several of
//! these.
//!
//! A [`Notifier`](crate::Notifier) has one driver or more, and each of its events goes to all of them at once.
//!
//! | driver | what it does with an event |
//! |---|---|
//! | [`Messaging`] | publishes it to the notifier's topics; what [`Notifier::new`](crate::Notifier::new) starts with |

mod emission;
mod messaging;

use std::sync::Arc;

use crate::error::Error;
use crate::transport::async_trait;

pub use self::emission::Emission;
pub use self::messaging::Messaging;

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
