//! One epoch: the life of one connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::types::ShortString;
use tokio_util::sync::CancellationToken;

use super::guard::{Findings, Published};
use super::limit::limited;
use super::refusal::Refusal;
use super::socket::KillHandle;
use crate::library::{Channel, Connection};
use crate::settings::Topology;

/// One epoch. Whoever finds out that it is over says so with [`fail`](Session::fail); everybody else sees
/// [`ended`](Session::ended). Dropping it shuts the socket down.
pub(crate) struct Session {
    connection: Connection,
    kill: KillHandle,
    findings: Arc<Findings>,
    published: Arc<Published>,
    /// `user@host:port`.
    node: String,
    topology: Topology,
    ended: CancellationToken,
    cause: Mutex<Option<Refusal>>,
}

impl Session {
    pub(super) fn new(
        connection: impl Into<Connection>,
        kill: KillHandle,
        (findings, published): (Arc<Findings>, Arc<Published>),
        node: String,
        topology: Topology,
    ) -> Self {
        Self {
            connection: connection.into(),
            kill,
            findings,
            published,
            node,
            topology,
            ended: CancellationToken::new(),
            cause: Mutex::new(None),
        }
    }

    /// Opens a channel. A broker that does not answer ends the epoch.
    pub(crate) async fn channel(&self) -> Result<Channel, Refusal> {
        self.judged(self.try_channel().await)
    }

    /// Opens a channel.
    pub(crate) async fn try_channel(&self) -> Result<Channel, Refusal> {
        limited("open a channel", self.connection.create_channel()).await
    }

    /// Passes `outcome` through; one that says that the broker is silent ends the epoch, unless the link is busy: then
    /// the answer is on its way behind something large.
    pub(crate) fn judged<T>(&self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(refusal) = &outcome
            && refusal.kind == super::refusal::RefusalKind::Silent
            && !self.kill.traffic().is_busy()
        {
            self.fail(&refusal.text);
        }
        outcome
    }

    /// To be called once a second, for what "busy" means.
    pub(super) fn tick(&self) {
        self.kill.traffic().tick();
    }

    /// Ends the epoch. The first cause is kept.
    pub(crate) fn fail(&self, cause: &str) {
        self.end(|| Refusal::lost(cause));
    }

    /// Ends the epoch because the connection did.
    pub(super) fn fail_with(&self, error: &lapin::Error) {
        self.end(|| Refusal::from_answer(error));
    }

    fn end(&self, cause: impl FnOnce() -> Refusal) {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(cause);
        self.ended.cancel();
    }

    /// Resolves when the epoch is over.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Whether the connection is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Whether the broker reads nothing for now. Known here before anybody is told.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.is_blocked()
    }

    /// Why the epoch is over.
    pub(crate) fn cause(&self) -> String {
        self.refusal().text
    }

    /// Why the epoch is over, sorted by what can be done about it.
    pub(super) fn refusal(&self) -> Refusal {
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cause.unwrap_or_else(|| Refusal::lost("the link was closed"))
    }

    /// Whether what processes share is made, or only looked for.
    pub(crate) const fn topology(&self) -> Topology {
        self.topology
    }

    /// The most bytes in a frame, and so in the header of a message.
    pub(crate) fn frame_max(&self) -> usize {
        usize::try_from(self.connection.frame_max()).unwrap_or(usize::MAX)
    }

    /// Which of the messages that arrive had to be changed.
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Where to count what is published.
    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Leaves in order, as far as the broker takes part within `limit`, then shuts the socket down.
    pub(super) async fn close(&self, limit: Duration) {
        self.ended.cancel();
        if let Ok(text) = ShortString::try_new("bye") {
            let _ = tokio::time::timeout(limit, self.connection.close(200, text)).await;
        }
        self.kill();
    }

    /// Shuts the socket down.
    pub(super) fn kill(&self) {
        self.ended.cancel();
        self.kill.kill();
    }

    /// Resolves when the connection has let the socket go.
    pub(super) async fn released(&self) {
        self.kill.gone().await;
    }

    /// Shuts the socket down, and waits until the connection has let it go. Says whether that happened within `limit`.
    pub(super) async fn bury(&self, limit: Duration) -> bool {
        self.kill();
        tokio::time::timeout(limit, self.released()).await.is_ok()
    }

    /// How often both sides show that they live, as both agreed.
    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.connection.heartbeat().into())
    }
}
