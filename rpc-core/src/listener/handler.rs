//! Handlers, whatever they take.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use serde::de::DeserializeOwned;

use super::reading::Reading;
use super::{Disposition, IntoDisposition, Received};
use crate::codec;
use crate::context::{Context, SharedContext, with_current};
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

    /// The argument of a call about these events, and the context that it runs in; `None` without events.
    #[doc(hidden)]
    fn take(events: Vec<Received<Self::Payload>>) -> Option<(Self, Option<Arc<Context>>)>;
}

impl<T: DeserializeOwned + Send + 'static> HandlerArgument for Received<T> {
    type Payload = T;
    const IS_BATCH: bool = false;

    fn take(mut events: Vec<Self>) -> Option<(Self, Option<Arc<Context>>)> {
        let event = events.pop()?;
        let message_id = Some(event.message_id().clone());
        let context = Context { message_id, ..event.context().clone() };
        Some((event, Some(Arc::new(context))))
    }
}

impl<T: DeserializeOwned + Send + 'static> HandlerArgument for Vec<Received<T>> {
    type Payload = T;
    const IS_BATCH: bool = true;

    fn take(events: Self) -> Option<(Self, Option<Arc<Context>>)> {
        (!events.is_empty()).then_some((events, None))
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
    pub(super) reading: Option<Reading>,
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

/// Whether nothing was decided about an event yet.
pub(super) type IsOpen<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// A handler that runs.
type Running = BoxFuture<'static, Disposition>;

/// One call of a handler.
pub(super) struct PreparedCall {
    /// The events that it is about.
    pub(super) events: Vec<usize>,
    /// Makes the call, about those of the events for which it is told that they are open still; `None` when none is.
    pub(super) start: Box<dyn FnOnce(IsOpen<'_>) -> Option<Running> + Send>,
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

impl<F, Fut, A> Function<F, A>
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoDisposition> + Send + 'static,
    A: HandlerArgument,
{
    /// A call about these events.
    fn call(&self, events: Vec<(usize, Received<A::Payload>)>) -> PreparedCall {
        let function = Arc::clone(&self.function);
        let numbers = events.iter().map(|(number, _)| *number).collect();
        let start = move |is_open: IsOpen<'_>| {
            let open = events.into_iter().filter(|(number, _)| is_open(*number));
            let (argument, context) = A::take(open.map(|(_, event)| event).collect())?;
            let running = async move { function(argument).await.into_disposition() };
            Some(match context {
                // What the handler asks for and emits follows from the event.
                Some(context) => with_current(SharedContext::Alone(context), running).boxed(),
                None => running.boxed(),
            })
        };
        PreparedCall { events: numbers, start: Box::new(start), is_batch: A::IS_BATCH }
    }
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
                Ok(payload) => readable.push((
                    *number,
                    Received::new(Arc::clone(&event.message), event.reading.clone(), payload),
                )),
                Err(error) => unreadable.push((*number, error)),
            }
        }
        let calls = if A::IS_BATCH {
            vec![self.call(readable)]
        } else {
            readable.into_iter().map(|event| self.call(vec![event])).collect()
        };
        Prepared { calls, unreadable }
    }
}
