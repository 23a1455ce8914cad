//! The thread that everything here runs on.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::{Code, Error};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a thread that has looked up a name waits for the next one.
const IDLE_LIMIT: Duration = Duration::from_secs(1);
/// How long tasks may take to end when the thread stops.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// A runtime of our own with one thread.
///
/// Heartbeats, acknowledgements and reconnects run here, so a handler that blocks the user's runtime cannot make the
/// broker give the connection up. The thread ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Worker {
    handle: Handle,
    _stop: Arc<DropGuard>,
}

impl Worker {
    pub(crate) fn start(name: &str) -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(Code::Unavailable, "cannot start the transport's thread").with_source(error)
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_keep_alive(IDLE_LIMIT)
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name(format!("amqp-{name}"))
            .spawn(move || {
                runtime.block_on(stopped.cancelled());
                runtime.shutdown_timeout(STOP_LIMIT);
            })
            .map_err(failed)?;
        Ok(Self { handle, _stop: Arc::new(stop.drop_guard()) })
    }

    /// The runtime that this is called on, for tests in which everything shares one clock.
    #[cfg(test)]
    pub(crate) fn here() -> Self {
        Self { handle: Handle::current(), _stop: Arc::new(CancellationToken::new().drop_guard()) }
    }

    /// Runs `work` there and waits for it. `None` when the thread ended first.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.handle.spawn(work).await.ok()
    }

    /// Runs `work` there.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(work);
    }
}
