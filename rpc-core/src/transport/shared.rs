//! A transport as clients, servers, notifiers and listeners hold it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Capabilities, Destination, StatusWatch, Transport};
use crate::client::{Evidence, Replies};
use crate::deadline::Deadline;
use crate::error::{Code, Error, Phase};
use crate::health::{HealthWatch, Stages};
use crate::message::Message;

/// A transport, with what everything made from it shares: one reply address and one table of pending calls.
///
/// Cheap to clone. [`MemoryTransport`](crate::MemoryTransport) and every other ready-made transport can be
/// passed wherever one of these is asked for.
///
/// Replies are taken in by a task on the tokio runtime of the first call. When that runtime ends, calls that wait
/// fail as [`Code::ReplyLost`] and the next call starts the task again on its own; one that is merely not
/// driven (a current-thread runtime outside `block_on`) leaves calls from other runtimes waiting.
#[derive(Clone)]
pub struct SharedTransport {
    transport: Arc<dyn Transport>,
    replies: Arc<Replies>,
    evidence: Arc<Evidence>,
}

impl SharedTransport {
    /// Takes a transport into use.
    #[must_use]
    pub fn new(transport: impl Transport) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(transport);
        Self {
            replies: Arc::new(Replies::new(Arc::clone(&transport))),
            evidence: Arc::new(Evidence::new()),
            transport,
        }
    }

    /// What the transport can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.transport.capabilities()
    }

    /// The state of the link to the broker.
    #[must_use]
    pub fn status(&self) -> StatusWatch {
        self.transport.status()
    }

    /// Whether the link does its work. Servers and listeners have a handle of their own, which knows their queues too.
    #[must_use]
    pub fn health(&self) -> HealthWatch {
        HealthWatch::new(self.status(), [], Stages::default())
    }

    /// How many calls wait for their reply.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.replies.pending()
    }

    /// How many replies came that no call waited for: late, doubled or forged ones. Those that the broker delivered before do
    /// not count: most of them were taken then, and their acknowledgement was on its way when a link broke.
    #[must_use]
    pub fn orphan_replies(&self) -> u64 {
        self.replies.orphans()
    }

    /// Sends what is on its way, then leaves the broker; takes at most `grace`. Servers and listeners are shut
    /// down first by those who own them; calls that wait end with
    /// [`Code::Unavailable`](crate::Code::Unavailable). Calls that were dropped before this are cancelled within the grace.
    pub async fn close(&self, grace: Duration) {
        self.replies.close();
        let end = Deadline::after(grace);
        self.replies.cancel(grace / 2).await;
        self.transport.close(end.remaining()).await;
    }

    /// The transport itself, for what works below clients and servers.
    #[must_use]
    pub fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// Publishes, and returns soon after the deadline even if the transport does not.
    pub(crate) fn publish(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        self.publish_perhaps_quietly(destination, message, deadline, false)
    }

    /// As [`publish`](Self::publish); `is_quiet` for whoever mostly hears of success otherwise.
    pub(crate) async fn publish_perhaps_quietly(
        &self,
        destination: &Destination,
        message: Message,
        deadline: Deadline,
        is_quiet: bool,
    ) -> Result<(), Error> {
        let message = match self.transport.publish_now(destination, message, deadline) {
            Ok(published) => return published,
            Err(message) => message,
        };
        let publishing = if is_quiet {
            self.transport.publish_quietly(destination, message, deadline)
        } else {
            self.transport.publish(destination, message, deadline)
        };
        tokio::time::timeout_at(deadline.instant() + Self::PUBLISH_GRACE, publishing).await.unwrap_or_else(
            |_| {
                let message = "the transport did not say before the deadline what became of the message";
                Err(Error::new(Code::DeadlineExceeded, message).with_phase(Phase::Publish))
            },
        )
    }

    /// How much later than the deadline a transport may say what became of a message. The promise to callers is
    /// 250 ms.
    const PUBLISH_GRACE: Duration = Duration::from_millis(100);

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(crate) fn replies(&self) -> &Replies {
        &self.replies
    }
}

impl AsRef<Self> for SharedTransport {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedTransport")
            .field("status", &self.status().now())
            .field("pending_calls", &self.pending_calls())
            .finish_non_exhaustive()
    }
}
