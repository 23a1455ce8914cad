//! The memory transport shows every behaviour of the conformance kit.
#![cfg(feature = "conformance")]

use std::sync::Arc;

use rpc_core::{MemoryBroker, SharedTransport, conformance, conformance_tests};

struct Memory(MemoryBroker);

#[async_trait::async_trait]
impl conformance::Harness for Memory {
    async fn connect(&self) -> SharedTransport {
        self.0.connect().into()
    }
}

conformance_tests!(tokio::test(start_paused = true), Arc::new(Memory(MemoryBroker::new())));
