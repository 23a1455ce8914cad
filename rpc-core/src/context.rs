//! What travels with a request besides its arguments.

mod cancelled;
mod current;
mod fields;
mod foreign;
mod metadata;
mod trace;

use std::sync::OnceLock;

use self::current::current;
pub(crate) use self::current::{SharedContext, inherited, with_current};
pub(crate) use self::fields::ContextFields;
pub use self::foreign::Foreign;
pub use self::metadata::{Metadata, MetadataError};
pub use self::trace::TraceContext;
use crate::cancellation::Signal;
use crate::deadline::Deadline;
use crate::identity::{MessageId, RequestId};

/// What travels with a request besides its arguments.
///
/// A handler receives the context of the request that it serves. Whatever it calls, casts, fans out or notifies
/// while it runs inherits the request id, the trace, the metadata and, for calls, the remaining deadline.
/// Work that leaves the handler's task (`tokio::spawn`) leaves the inheritance too: hand it on with
/// `.context(&ctx)`. A call that was made so ends when the handler's own call is [cancelled](Context::cancelled); without it
/// the call goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// Follows the work through all services.
    pub request_id: RequestId,
    /// The message that brought the request; `None` for work that starts here.
    pub message_id: Option<MessageId>,
    /// After which nobody waits for the result any more.
    pub deadline: Option<Deadline>,
    /// 1 for the first delivery, more when the message may have been handled before. How many more is known for
    /// what is acknowledged after its end; otherwise a repeated delivery counts one.
    pub attempt: u32,
    /// The caller's name for this piece of work, the same over all its retries.
    pub idempotency_key: Option<String>,
    /// The trace that the work belongs to.
    pub trace: TraceContext,
    /// The application's own key-value pairs.
    pub metadata: Metadata,
    /// What a caller of another framework put into its context and nothing above can hold. It is handed on over a wire that
    /// has a place for it.
    pub foreign: Foreign,
    /// The user who sent the request, for whom the broker vouches: everything else in here is only what the sender
    /// says. `None` when the transport or the broker does not tell. It is not handed on: whoever is asked next sees who
    /// asked.
    pub sender: Option<String>,
    /// Whether anybody still waits for it, if that is ever told.
    pub(crate) cancellation: OnceLock<Signal>,
}

impl Context {
    /// A context for work that starts here: new request id, no deadline, no metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::with_request_id(RequestId::new())
    }

    /// As [`Context::new`], under a request id that exists already.
    #[must_use]
    pub fn with_request_id(request_id: RequestId) -> Self {
        Self {
            request_id,
            message_id: None,
            deadline: None,
            attempt: 1,
            idempotency_key: None,
            trace: TraceContext::default(),
            metadata: Metadata::default(),
            foreign: Foreign::default(),
            sender: None,
            cancellation: OnceLock::new(),
        }
    }

    /// The context of the handler that this task runs, if it runs one.
    #[must_use]
    pub fn current() -> Option<Self> {
        current()
    }

    /// What a request made on behalf of this one starts with.
    pub(crate) fn child(&self) -> Self {
        Self {
            request_id: self.request_id.clone(),
            message_id: None,
            deadline: self.deadline,
            attempt: 1,
            idempotency_key: None,
            trace: self.trace.clone(),
            metadata: self.metadata.clone(),
            foreign: self.foreign.clone(),
            sender: None,
            cancellation: OnceLock::new(),
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}
