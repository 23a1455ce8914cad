//! Keeping the way to a consumer's queues.
//!
//! When somebody deletes an exchange, its bindings go with it, and whoever consumes hears nothing: the queue is there, and
//! stays empty. Publishers declare the exchange again and find that nobody is behind it. So every consumer binds its
//! queues again from time to time, which changes nothing as long as all is well.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::transport::{ConsumerReporter, ConsumerStatus};

use crate::declare::{declare, short};
use crate::link::{Refusal, RefusalKind, Session, limited};
use crate::random;
use crate::settings::Topology;
use crate::topology::Declaration;

/// The most between two checks, whatever the heartbeat.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Looks after the bindings of one consumer, for one epoch.
pub(super) struct Upkeep {
    pub(super) session: Arc<Session>,
    pub(super) declarations: Vec<Declaration>,
    pub(super) status: Arc<ConsumerReporter>,
    /// Names the consumer in logs.
    pub(super) source: String,
}

impl Upkeep {
    /// Never ends.
    pub(super) async fn run(self) {
        let checked = self.checked();
        let mut is_lost = false;
        loop {
            tokio::time::sleep(self.pause()).await;
            match self.check(&checked).await {
                Ok(()) if is_lost => {
                    tracing::info!(source = self.source, "messages find a consumer again");
                    self.status.update(ConsumerStatus::consuming);
                    is_lost = false;
                }
                // The epoch has ended, which others notice, too.
                Err(refusal) if refusal.is_passing() => {}
                Err(refusal) if !is_lost => {
                    let cause = format!("no message is routed to it: {}", refusal.text);
                    tracing::warn!(source = self.source, cause, "messages do not find a consumer");
                    self.status.update(|status| status.degraded(cause));
                    is_lost = true;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// What is made again at each check: bindings, which tell of a missing exchange, too. A transport that makes nothing
    /// looks for the exchange. Replies have neither, and are asked for as well: a broker that delivers and reads nothing
    /// looks well until its consumers have all that the prefetch grants.
    fn checked(&self) -> Vec<Declaration> {
        let verifies = self.session.topology() == Topology::Verify;
        let is_checked = |declaration: &&Declaration| match declaration {
            Declaration::Binding { .. } => !verifies,
            Declaration::Exchange { .. } => verifies,
            Declaration::Queue { .. } => false,
        };
        let checked: Vec<_> = self.declarations.iter().filter(is_checked).cloned().collect();
        if checked.is_empty() { self.declarations.clone() } else { checked }
    }

    /// About a heartbeat, spread by half of it either way so that many servers do not ask at once.
    fn pause(&self) -> Duration {
        let heartbeat = self.session.heartbeat().clamp(Duration::from_secs(1), LONGEST_PAUSE);
        heartbeat / 2 + random::below(heartbeat, random::number())
    }

    async fn check(&self, checked: &[Declaration]) -> Result<(), Refusal> {
        match self.declare(checked).await {
            Err(refusal) if refusal.kind == RefusalKind::Absent => {
                self.declare(&self.declarations).await?;
                tracing::warn!(
                    source = self.source,
                    cause = refusal.text,
                    "an exchange was gone, and messages to it with it; it is declared and bound again"
                );
                Ok(())
            }
            checked => checked,
        }
    }

    /// On a channel of its own, since a refusal closes it.
    async fn declare(&self, declarations: &[Declaration]) -> Result<(), Refusal> {
        let channel = self.session.channel().await?;
        self.session.judged(declare(&self.session, &channel, declarations).await)?;
        let text = short("bye")?;
        self.session.judged(limited("close a channel", channel.close(200, text)).await)
    }
}
