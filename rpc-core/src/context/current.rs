//! The context of the handler that the running task serves.

use std::ops::Deref;
use std::sync::Arc;

use super::Context;
use crate::message::Request;

tokio::task_local! {
    static CURRENT: SharedContext;
}

/// A context that many look at: by itself, or within the request that brought it, which then needs no copy of it.
#[derive(Clone, Debug)]
pub(crate) enum SharedContext {
    Alone(Arc<Context>),
    OfRequest(Arc<Request>),
}

impl Deref for SharedContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        match self {
            Self::Alone(context) => context,
            Self::OfRequest(request) => &request.context,
        }
    }
}

/// Runs `work` so that requests made within inherit from `context`.
pub(crate) async fn with_current<F: Future>(context: SharedContext, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

/// What a request made within inherits, if there is something.
pub(crate) fn inherited() -> Option<Context> {
    CURRENT.try_with(|context| context.child()).ok()
}

/// A copy of the context.
pub(super) fn current() -> Option<Context> {
    CURRENT.try_with(|context| Context::clone(context)).ok()
}
