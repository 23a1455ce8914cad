//! Questions to the broker on the connection that publishes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::declare::declare;
use crate::library::{Channel, watch};
use crate::link::{Refusal, RefusalKind, Session, View, limited};
use crate::topology::Declaration;

/// Questions to the broker on the connection that publishes.
///
/// A broker that does not answer is taken for dead, and its epoch ends; but not while it is blocked, because the
/// connection writes nothing then, questions included. Cheap to clone.
#[derive(Clone)]
pub(super) struct Asking {
    session: Arc<Session>,
    view: watch::Receiver<View>,
}

impl Asking {
    pub(super) const fn new(session: Arc<Session>, view: watch::Receiver<View>) -> Self {
        Self { session, view }
    }

    /// Opens a channel in confirm mode.
    pub(super) async fn confirm_channel(&self) -> Result<Channel, Refusal> {
        let channel = self.judged(self.session.try_channel().await)?;
        let select = limited("confirm.select", channel.confirm_select()).await;
        self.judged(select).map(|()| channel)
    }

    /// Declares in order, on a channel that a refusal closes.
    pub(super) async fn declare(&self, channel: &Channel, needs: &[Declaration]) -> Result<(), Refusal> {
        self.judged(declare(&self.session, channel, needs).await)
    }

    /// Whether the broker still answers.
    async fn answers(&self) -> Result<(), Refusal> {
        let channel = self.judged(self.session.try_channel().await)?;
        self.judged(limited("close a channel", channel.close(200, "done".into())).await)
    }

    /// Whether the broker has come to what was sent on a channel. Not, when it says nothing there for `patience`, though it
    /// answers on others.
    ///
    /// A channel of RabbitMQ is silent for 7 s or more when it meets a quorum queue for the first time and the node of the
    /// leader is known to be gone, but accepts connections (it is cut off, or stands still): the channel asks there first.
    /// Once another leader is elected, 1 to 3 s after that knowledge, any new channel asks that one.
    pub(super) async fn reads(&self, channel: &Channel, patience: Duration) -> Result<bool, Refusal> {
        // Any question does.
        let mut question = pin!(limited("publish", channel.confirm_select()));
        let works_otherwise = async {
            tokio::time::sleep(patience).await;
            self.answers().await
        };
        let answer = tokio::select! {
            biased;
            answer = &mut question => answer,
            // Otherwise the silence is that of the broker, and the first question ends with it.
            Ok(()) = works_otherwise => return Ok(false),
        };
        self.judged(answer).map(|()| true)
    }

    /// Passes `answer` through; one that says that the broker is silent ends the epoch, unless it is blocked.
    pub(super) fn judged<T>(&self, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        match answer {
            Err(refusal) if refusal.kind == RefusalKind::Silent => {
                let blocked = self.view.borrow().blocked.clone();
                let Some(reason) = blocked else { return self.session.judged(Err(refusal)) };
                Err(Refusal::lost(format!("broker blocked: {reason}")))
            }
            answer => answer,
        }
    }

    /// Ends the epoch, because of a message that must not be written any more.
    pub(super) fn give_up(&self) {
        self.session.fail("a message could not be written before its deadline");
    }

    /// Resolves when the broker is blocked, `until` or later.
    pub(super) async fn blocked_after(&self, until: Instant) {
        tokio::time::sleep_until(until).await;
        let mut view = self.view.clone();
        if view.wait_for(|view| view.blocked.is_some()).await.is_err() {
            // The link is closed: whoever waits here sees that elsewhere.
            std::future::pending().await
        }
    }

    /// Whether the epoch goes on. The connection knows of its end a little before the supervisor does.
    pub(super) fn is_open(&self) -> bool {
        !self.session.is_over() && self.session.is_connected()
    }

    /// Whether the broker accepts no publishes.
    pub(super) fn is_blocked(&self) -> bool {
        self.view.borrow().blocked.is_some()
    }

    /// Why the epoch is over.
    pub(super) fn cause(&self) -> String {
        if self.session.is_over() { self.session.cause() } else { "the transport was closed".to_owned() }
    }
}
