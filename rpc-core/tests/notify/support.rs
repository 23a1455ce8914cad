//! What these tests have in common.

use std::time::Duration;

use rpc_core::{Listener, ListenerBuilder, MemoryTransport, Value};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Lets everything that can run do so, and some time pass.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// A listener of the default pool.
pub(crate) fn on(transport: &MemoryTransport) -> ListenerBuilder {
    Listener::builder(transport, ["notifications"])
}

/// Whether nothing is left for the default pool.
pub(crate) async fn is_drained(transport: &MemoryTransport) -> bool {
    let mut rest = on(transport).start::<Value>().await.unwrap();
    tokio::time::timeout(SECOND, rest.next()).await.is_err()
}
