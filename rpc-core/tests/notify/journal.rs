//! What handlers have seen.

use std::sync::{Arc, Mutex};

use rpc_core::Received;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, rpc_core::Notification, Serialize)]
#[notification(event_type = "node.power_set", priority = "warn")]
pub(crate) struct PowerSet {
    pub(crate) node: i64,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, rpc_core::Notification, Serialize)]
#[notification(event_type = "node.renamed")]
pub(crate) struct Renamed {
    pub(crate) name: String,
}

/// Lines that handlers write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// What was written, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A handler that writes `name`, the type and the attempt of each event.
    pub(crate) fn note<T: Send + 'static>(
        &self,
        name: &'static str,
    ) -> impl Fn(Received<T>) -> std::future::Ready<()> + Send + Sync + 'static + use<T> {
        let journal = self.clone();
        move |event| {
            journal.write(format!("{name} {} {}", event.event_type(), event.attempt()));
            std::future::ready(())
        }
    }
}
