//! What becomes of an event after a handler.

use std::fmt::Display;
use std::time::Duration;

/// What becomes of an event after a handler.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Disposition {
    /// Done: once the other handlers that want it have had it, the broker forgets it.
    Handled,
    /// It comes again: after this time it is put to the end of its queue as the next attempt. When there have been as many
    /// as [`delivery_limit`](super::ListenerBuilder::delivery_limit) allows, it goes to the dead-letter queue instead, if the
    /// transport has one.
    Requeue {
        /// `None` for the [`requeue_delay`](super::NotificationServerBuilder::requeue_delay) of the server.
        after: Option<Duration>,
        /// Why, in words.
        reason: String,
    },
    /// It goes to the dead-letter queue; where the transport keeps none
    /// ([`Capabilities::dead_letters`](crate::transport::Capabilities::dead_letters)) it is lost, unless the broker has a place
    /// for it.
    Reject {
        /// Why, in words.
        reason: String,
    },
}

impl Disposition {
    /// It comes again, after the usual time.
    #[must_use]
    pub fn requeue(reason: impl Into<String>) -> Self {
        Self::Requeue { after: None, reason: reason.into() }
    }

    /// It comes again, after `delay`.
    #[must_use]
    pub fn requeue_after(delay: Duration, reason: impl Into<String>) -> Self {
        Self::Requeue { after: Some(delay), reason: reason.into() }
    }

    /// It goes to the dead-letter queue.
    #[must_use]
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject { reason: reason.into() }
    }
}

/// What a handler may return: nothing for [`Disposition::Handled`], a disposition, or a result whose error means
/// [`Disposition::Requeue`] with its text as the reason.
pub trait IntoDisposition {
    /// What becomes of the event.
    fn into_disposition(self) -> Disposition;
}

impl IntoDisposition for () {
    fn into_disposition(self) -> Disposition {
        Disposition::Handled
    }
}

impl IntoDisposition for Disposition {
    fn into_disposition(self) -> Disposition {
        self
    }
}

impl<T: IntoDisposition, E: Display> IntoDisposition for Result<T, E> {
    fn into_disposition(self) -> Disposition {
        self.map_or_else(|error| Disposition::requeue(error.to_string()), T::into_disposition)
    }
}
