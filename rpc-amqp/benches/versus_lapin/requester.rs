//! What a client of any side can do.

/// A client. Every method panics when it fails: a bench of errors would measure nothing.
pub(crate) trait Requester: Clone + Send + Sync + 'static {
    /// The body comes back.
    fn call(&self, body: &str) -> impl Future<Output = ()> + Send;
    fn cast(&self, body: &str) -> impl Future<Output = ()> + Send;
    fn fanout(&self, body: &str) -> impl Future<Output = ()> + Send;
    fn notify(&self, body: &str) -> impl Future<Output = ()> + Send;
}
