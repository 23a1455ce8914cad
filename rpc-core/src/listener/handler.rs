//! Handlers, whatever they take.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;

use super::{Disposition, IntoDisposition, Received};
use crate::codec;
use crate::context::{Context, with_current};
use crate::error::{Code, Error};
use crate::message::NotificationMessage;
use crate::payload::Payload;
use crate::priority::Priority;

/// What a handler can take: [`Received<T>`](Received) for one event, or `Vec<Received<T>>` for those of a batch. Not meant to
/// be implemented for anything else: its methods change without notice.
pub trait HandlerArgument: Sized + Send + 'static {
    /// What payloads are decoded into.
    type Payload: DeserializeOwned + Send + 'static;

    #[doc(hidden)]
    const IS_BATCH: bool;

    /// The calls that these events make: which of them each is about, and the context that it runs in.
    #[doc(hidden)]
    fn take(events: Vec<(usize, Received<Self::Payload>)>) -> Vec<(Vec<usize>, Self, Option<Arc<Context>>)>;
}

impl<T: DeserializeOwned + Send + 'static> HandlerArgument for Received<T> {
    type Payload = T;
    const IS_BATCH: bool = false;

    fn take(events: Vec<(usize, Self)>) -> Vec<(Vec<usize>, Self, Option<Arc<Context>>)> {
        let call = |(number, event): (usize, Self)| {
            let message_id = Some(event.message_id().clone());
            let context = Context { message_id, ..event.context().clone() };
            (vec![number], event, Some(Arc::new(context)))
        };
        events.into_iter().map(call).collect()
    }
}

impl<T: DeserializeOwned + Send + 'static> HandlerArgument for Vec<Received<T>> {
    type Payload = T;
    const IS_BATCH: bool = true;

    fn take(events: Vec<(usize, Received<T>)>) -> Vec<(Vec<usize>, Self, Option<Arc<Context>>)> {
        if events.is_empty() {
            return Vec::new();
        }
        let (numbers, events) = events.into_iter().unzip();
        vec![(numbers, events, None)]
    }
}

/// One handler of an endpoint.
pub(super) struct Handler {
    pub(super) wants: Wants,
    pub(super) run: Box<dyn Run>,
}

/// Which events a handler wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wants {
    EventType(&'static str),
    Priority(Priority),
    Any,
}

/// An event with its readable payload, as handlers take it.
pub(super) struct Readable {
    pub(super) message: Arc<NotificationMessage>,
    pub(super) payload: Payload,
}

/// Runs a handler.
pub(super) trait Run: Send + Sync {
    /// Decodes the events for the handler, and starts nothing.
    fn prepare(&self, events: &[Numbered<'_>]) -> Prepared;
}

/// An event by its place in a group.
pub(super) type Numbered<'a> = (usize, &'a Readable);

/// A handler's calls, ready to be made, and the events that it cannot read.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) calls: Vec<PreparedCall>,
    pub(super) unreadable: Vec<(usize, Error)>,
}

/// One call of a handler.
pub(super) struct PreparedCall {
    /// The events that it is about.
    pub(super) events: Vec<usize>,
    pub(super) start: Box<dyn FnOnce() -> BoxFuture<'static, Disposition> + Send>,
    /// Whether the events stand and fall together.
    pub(super) is_batch: bool,
}

impl Wants {
    pub(super) fn wants(self, message: &NotificationMessage) -> bool {
        match self {
            Self::EventType(event_type) => message.event_type == event_type,
            Self::Priority(priority) => message.priority == priority,
            Self::Any => true,
        }
    }
}

/// A function that handles `A`.
pub(super) struct Function<F, A> {
    function: Arc<F>,
    argument: PhantomData<fn(A)>,
}

impl<F, A> Function<F, A> {
    pub(super) fn new(function: F) -> Self {
        Self { function: Arc::new(function), argument: PhantomData }
    }
}

/// Decodes a payload. Its type's own code may panic, and then no other event should suffer.
fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, Error> {
    let decoded = std::panic::catch_unwind(|| codec::decode::<T>(payload));
    let panicked = |_| {
        Err(Error::new(Code::Panicked, "decoding the payload panicked; the listener's log has the details"))
    };
    decoded.map_or_else(panicked, |decoded| Ok(decoded?))
}

impl<F, Fut, A> Run for Function<F, A>
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoDisposition> + Send + 'static,
    A: HandlerArgument,
{
    fn prepare(&self, events: &[Numbered<'_>]) -> Prepared {
        let (mut unreadable, mut readable) = (Vec::new(), Vec::new());
        for (number, event) in events {
            match decode::<A::Payload>(&event.payload) {
                Ok(payload) => readable.push((*number, Received::new(Arc::clone(&event.message), payload))),
                Err(error) => unreadable.push((*number, error)),
            }
        }
        let calls = A::take(readable).into_iter().map(|(events, argument, context)| {
            let function = Arc::clone(&self.function);
            let start = move || {
                let running = async move { function(argument).await.into_disposition() };
                match context {
                    // What the handler asks for and emits follows from the event.
                    Some(context) => with_current(context, running).boxed(),
                    None => running.boxed(),
                }
            };
            PreparedCall { events, start: Box::new(start), is_batch: A::IS_BATCH }
        });
        Prepared { calls: calls.collect(), unreadable }
    }
}
