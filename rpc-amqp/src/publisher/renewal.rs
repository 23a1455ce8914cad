//! Another channel for what a queue refuses.
//!
//! A broker refuses a message when its queue is full, and that is that. But a channel of RabbitMQ also refuses what is for a
//! quorum queue whose leader it has lost sight of, at once and for as long as that node is down, while any new channel
//! finds the next leader (3.10: the client of the queue within the channel asks the first server that it knows). From
//! outside the two look alike, so a refusal is followed by another channel, not more often than once a second. The one
//! before stays for its confirms.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::asking::Asking;
use super::confirm_channel::{ConfirmChannel, Confirmed};
use super::gate::Gate;
use crate::library::Channel;
use crate::link::Refusal;

/// The shortest time between two of them.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the one before is kept for its confirms.
const KEPT: Duration = Duration::from_secs(5);

/// What replaces a channel whose messages are refused, and the channel that was replaced.
#[derive(Default)]
pub(super) struct Renewal {
    opening: FuturesUnordered<Opening>,
    asked: Option<Instant>,
    before: Option<(ConfirmChannel, Instant)>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Channel, Refusal>> + Send>>;

/// What has happened.
pub(super) enum Renewed {
    /// There is another channel.
    Opened(Channel),
    /// A confirm on the one before.
    Confirmed(Box<Confirmed>),
    /// Nothing that anybody has to act upon.
    Nothing,
}

impl Renewal {
    /// Messages were refused: asks for another channel, if that is not under way or too early.
    pub(super) fn ask(&mut self, asking: &Asking, now: Instant) {
        let is_early = self.asked.is_some_and(|asked| now < asked + INTERVAL);
        if is_early || self.before.is_some() || !self.opening.is_empty() {
            return;
        }
        self.asked = Some(now);
        let asking = asking.clone();
        self.opening.push(Box::pin(async move { asking.confirm_channel().await }));
    }

    /// Keeps the channel that was replaced until its messages are confirmed.
    pub(super) fn keep(&mut self, before: ConfirmChannel, now: Instant) {
        if !before.is_idle() {
            self.before = Some((before, now + KEPT));
        }
    }

    pub(super) fn has_nothing_under_way(&self) -> bool {
        self.opening.is_empty() && self.before.is_none()
    }

    /// Whether messages wait for confirms here.
    pub(super) const fn is_idle(&self) -> bool {
        self.before.is_none()
    }

    pub(super) async fn next(&mut self) -> Renewed {
        let Self { opening, before, .. } = self;
        let confirmed = async {
            match before {
                Some((channel, until)) => {
                    tokio::time::timeout_at(*until, channel.next()).await.ok().flatten()
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(opened) = opening.next(), if !opening.is_empty() => opened.map_or(Renewed::Nothing, Renewed::Opened),
            confirmed = confirmed => confirmed.map_or(Renewed::Nothing, |it| Renewed::Confirmed(Box::new(it))),
        }
    }

    /// Takes in a confirm on the channel before. One that has ended, or confirms nothing more, is given up.
    pub(super) fn settle(&mut self, confirmed: Option<Confirmed>, gate: &mut Gate, now: Instant) {
        let Some((channel, until)) = &mut self.before else { return };
        if let Some(confirmed) = confirmed {
            channel.settle(confirmed, gate);
        }
        let lost = channel.lost().cloned();
        if let Some(refusal) = lost
            .or_else(|| (now >= *until).then(|| Refusal::lost("the broker confirms nothing on a channel")))
        {
            channel.abandon(&refusal, gate);
        }
        if channel.is_idle() || now >= *until {
            self.before = None;
        }
    }

    /// The epoch is over.
    pub(super) fn end(&mut self, refusal: &Refusal) {
        if let Some((mut channel, _)) = self.before.take() {
            channel.end(refusal);
        }
    }
}
