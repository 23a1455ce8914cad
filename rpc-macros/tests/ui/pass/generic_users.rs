//! Generic implementations, generic callers, and a service that calls itself.

use std::sync::Arc;

use rpc_core::{Endpoint, MemoryTransport, Target};
use rpc_macros::service;

#[service]
pub trait Counter {
    #[call]
    async fn count(&self, down: u32) -> u32;
}

pub trait Store: Send + Sync + 'static {}

impl Store for () {}

pub struct Manager<S> {
    client: CounterClient,
    _store: S,
}

impl<S: Store> Counter for Manager<S> {
    async fn count(&self, down: u32) -> u32 {
        match down {
            0 => 0,
            _ => self.client.count(down - 1).await.map_or(0, |below| below + 1),
        }
    }
}

fn sendable(_: impl Send) {}

fn spawn<C: Counter>(counter: Arc<C>) {
    sendable(async move { counter.count(1).await });
}

fn serve<C: Counter>(counter: C) -> impl Endpoint {
    counter.into_endpoint()
}

fn main() {
    let client = CounterClient::new(&MemoryTransport::new(), Target::topic("counter"));
    spawn(Arc::new(Manager { client: client.clone(), _store: () }));
    let _ = serve(Manager { client, _store: () });
}
