//! Handlers with a filter in front of them.

use std::fmt;

use super::IntoDisposition;
use super::handler::{Function, Handler, HandlerArgument, Wants};
use crate::filter::Filter;
use crate::notification::Notification;
use crate::priority::Priority;

/// Handlers of a [`NotificationServer`](super::NotificationServer), with a filter in front of them.
///
/// A handler is a function of an event, [`Received<T>`](super::Received), or of a batch of them, `Vec<Received<T>>`, that returns what
/// becomes of it ([`IntoDisposition`]). Its type says what payloads are decoded into; [`Value`](crate::Value) is any. An event
/// that does not decode goes to the dead-letter queue with the reason.
///
/// ```
/// use rpc_core::{Disposition, Filter, Notification, NotificationEndpoint, Priority, Received, Value};
///
/// #[derive(Notification, serde::Deserialize, serde::Serialize)]
/// #[notification(event_type = "baremetal.node.power_set")]
/// struct PowerSet { node: u64, on: bool }
///
/// let endpoint = NotificationEndpoint::new()
///     .filter(Filter::new().publisher_id("conductor\\."))
///     .on(|event: Received<PowerSet>| async move {
///         println!("node {} is now {}", event.payload().node, event.payload().on);
///     })
///     .on_priority(Priority::Error, |event: Received<Value>| async move {
///         eprintln!("{}: {:?}", event.publisher_id(), event.payload());
///         Disposition::Handled
///     });
/// # drop(endpoint);
/// ```
#[derive(Default)]
#[must_use = "an endpoint handles nothing until a server has it"]
pub struct NotificationEndpoint {
    pub(super) filter: Filter,
    pub(super) handlers: Vec<Handler>,
}

impl NotificationEndpoint {
    /// An endpoint without handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles only what passes this filter. Default: everything.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Handles events of the type that the payload is, of any priority.
    pub fn on<A, F, Fut>(self, handler: F) -> Self
    where
        A: HandlerArgument<Payload: Notification>,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoDisposition> + Send + 'static,
    {
        self.with(Wants::EventType(A::Payload::EVENT_TYPE), handler)
    }

    /// Handles events of a priority, whatever their type; oslo.messaging's way.
    pub fn on_priority<A, F, Fut>(self, priority: Priority, handler: F) -> Self
    where
        A: HandlerArgument,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoDisposition> + Send + 'static,
    {
        self.with(Wants::Priority(priority), handler)
    }

    /// Handles all events.
    pub fn on_any<A, F, Fut>(self, handler: F) -> Self
    where
        A: HandlerArgument,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoDisposition> + Send + 'static,
    {
        self.with(Wants::Any, handler)
    }

    fn with<A, F, Fut>(mut self, wants: Wants, handler: F) -> Self
    where
        A: HandlerArgument,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoDisposition> + Send + 'static,
    {
        self.handlers.push(Handler { wants, run: Box::new(Function::<F, A>::new(handler)) });
        self
    }
}

impl fmt::Debug for NotificationEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wants: Vec<_> = self.handlers.iter().map(|handler| handler.wants).collect();
        formatter
            .debug_struct("NotificationEndpoint")
            .field("filter", &self.filter)
            .field("handlers", &wants)
            .finish()
    }
}
