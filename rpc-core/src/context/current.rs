//! The context of the handler that the running task serves.

use std::sync::Arc;

use super::Context;

tokio::task_local! {
    static CURRENT: Arc<Context>;
}

/// Runs `work` so that requests made within inherit from `context`.
pub(crate) async fn with_current<F: Future>(context: Arc<Context>, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

pub(crate) fn current() -> Option<Arc<Context>> {
    CURRENT.try_with(Arc::clone).ok()
}
