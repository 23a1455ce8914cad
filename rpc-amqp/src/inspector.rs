//! Looking at queues.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use rpc_core::transport::QueueDepth;
use rpc_core::{Code, Error};

use crate::declare::look_at;
use crate::library::Channel;
use crate::link::{Link, Refusal, RefusalKind, Worker};

/// Queues that are looked at at a time.
const MOST: usize = 8;

/// Looks at queues by passive declarations, on the connection that consumes: that one is never blocked. Cheap to clone.
///
/// Whoever asks for a queue that is being looked at shares the answer, so that thousands of calls that are too late
/// together ask the broker once.
#[derive(Clone)]
pub(crate) struct Inspector {
    link: Link,
    worker: Worker,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    looks: HashMap<String, Look>,
    /// A channel that no refusal has closed.
    spare: Option<Channel>,
}

/// `None` when the worker ended.
type Look = Shared<BoxFuture<'static, Option<Result<QueueDepth, Refusal>>>>;

impl Inspector {
    pub(crate) fn new(link: Link, worker: Worker) -> Self {
        Self { link, worker, state: Arc::default() }
    }

    /// How full `queue` is now. One that is gone is refused as absent.
    pub(crate) async fn depth(&self, queue: String) -> Result<QueueDepth, Error> {
        let look = self.look(queue)?;
        match look.await {
            Some(Ok(depth)) => Ok(depth),
            Some(Err(refusal)) if refusal.kind == RefusalKind::Absent => Err(Error::new(
                Code::Unroutable,
                format!("no such server was ever started: {}", refusal.text),
            )),
            Some(Err(refusal)) => Err(refusal.error("cannot look at the queue")),
            None => Err(crate::publisher::closed()),
        }
    }

    fn look(&self, queue: String) -> Result<Look, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = state.looks.get(&queue) {
            return Ok(look.clone());
        }
        if state.looks.len() >= MOST {
            return Err(Error::new(Code::Overloaded, format!("{MOST} queues are being looked at already")));
        }
        let (inspector, name) = (self.clone(), queue.clone());
        // A task of its own, since every caller may give up; it ends within two time limits.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.worker.spawn(async move {
            let depth = inspector.ask(&name).await;
            inspector.state.lock().unwrap_or_else(PoisonError::into_inner).looks.remove(&name);
            // Nobody may be left to hear it.
            let _ = sender.send(depth);
        });
        let look = receiver.map(Result::ok).boxed().shared();
        state.looks.insert(queue, look.clone());
        Ok(look)
    }

    async fn ask(&self, queue: &str) -> Result<QueueDepth, Refusal> {
        let session = self.link.view().session.ok_or_else(|| Refusal::lost("not connected to the broker"))?;
        let spare = self.state.lock().unwrap_or_else(PoisonError::into_inner).spare.take();
        let channel = match spare.filter(|channel| channel.is_usable()) {
            Some(channel) => channel,
            None => session.channel().await?,
        };
        let depth = session.judged(look_at(&channel, queue).await)?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spare = Some(channel);
        Ok(depth)
    }
}
