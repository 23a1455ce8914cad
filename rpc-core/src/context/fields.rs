//! Which parts of a context an event may carry to everybody who listens.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Context, TraceContext};

/// The fields of a context that may leave the service with an event.
///
/// A request's context may hold a token that its own server needs, and an event reaches every collector there is.
/// So nothing of the application's leaves unless it is named here; request id and trace always do.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextFields(Arc<BTreeSet<String>>);

impl ContextFields {
    /// The name of the W3C baggage, which is the application's too.
    const BAGGAGE: &str = "baggage";

    pub(crate) fn new(fields: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(fields.into_iter().collect()))
    }

    /// What is left of `context` for an event.
    pub(crate) fn redact(&self, context: Context) -> Context {
        let Context { request_id, message_id: _, deadline: _, attempt: _, idempotency_key: _, trace, .. } =
            context;
        let mut metadata = context.metadata;
        metadata.retain(|key| self.0.contains(key));
        let baggage = trace.baggage.filter(|_| self.0.contains(Self::BAGGAGE));
        Context { trace: TraceContext { baggage, ..trace }, metadata, ..Context::with_request_id(request_id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_left() {
        let mut context = Context::new();
        for key in ["user", "auth-token"] {
            context.metadata.insert(key, key).unwrap();
        }
        context.trace = TraceContext::from_headers(Some("p".into()), Some("s".into()), Some("secret".into()));
        context.idempotency_key = Some("key".to_owned());
        context.sender = Some("guest".to_owned());
        let bare = ContextFields::default().redact(context.clone());
        assert!(bare.metadata.is_empty() && bare.trace.baggage.is_none());
        assert_eq!((&bare.request_id, bare.trace.parent.as_deref()), (&context.request_id, Some("p")));
        assert_eq!((bare.idempotency_key, bare.sender), (None, None));
        let some = ContextFields::new(["user", "baggage", "absent"].map(str::to_owned)).redact(context);
        assert_eq!(some.metadata.iter().collect::<Vec<_>>(), [("user", "user")]);
        assert_eq!(some.trace.baggage.as_deref(), Some("secret"));
    }
}
