//! Another channel for what a queue refuses, and for what the broker does not come to.
//!
//! A broker refuses a message when its queue is full, and that is that. But a channel of RabbitMQ also refuses what is for a
//! quorum queue whose leader it has lost sight of, at once and for as long as that node is down, while any new channel
//! finds the next leader (3.10: the client of the queue within the channel asks the first server that it knows). From
//! outside the two look alike, so a refusal is followed by another channel, not more often than once a second. So is
//! a silence on the channel, while the broker answers on others (see [`Asking::reads`]). The one before stays for its
//! confirms.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::select_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::asking::Asking;
use super::confirm_channel::{ConfirmChannel, Confirmed};
use super::gate::Gate;
use super::later::Later;
use crate::library::Channel;
use crate::link::Refusal;

/// The shortest time between two of them.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a channel that is used no more is kept for its confirms.
pub(super) const KEPT: Duration = Duration::from_secs(5);
/// How many are kept.
const MOST: usize = 5;

/// What replaces a channel whose messages are refused or not read, and those that were replaced.
#[derive(Default)]
pub(super) struct Renewal {
    opening: FuturesUnordered<Opening>,
    asked: Option<Instant>,
    before: Vec<(ConfirmChannel, Instant)>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Channel, Refusal>> + Send>>;

/// What has happened.
pub(super) enum Renewed {
    /// There is another channel.
    Opened(Channel),
    /// Confirms on the one before that is in this place, or that it has none to give.
    Confirmed(usize, Option<Box<Confirmed>>),
    /// Nothing that anybody has to act upon.
    Nothing,
}

impl Renewal {
    /// Messages were refused or not read: asks for another channel, if that is not under way or too early.
    pub(super) fn ask(&mut self, asking: &Asking, now: Instant) {
        let is_early = self.asked.is_some_and(|asked| now < asked + INTERVAL);
        if is_early || self.before.len() == MOST || !self.opening.is_empty() {
            return;
        }
        self.asked = Some(now);
        let asking = asking.clone();
        self.opening.push(Box::pin(async move { asking.confirm_channel().await }));
    }

    /// Keeps the channel that was replaced until its messages are confirmed.
    pub(super) fn keep(&mut self, before: ConfirmChannel, now: Instant) {
        if !before.is_idle() {
            self.before.push((before, now + KEPT));
        }
    }

    pub(super) fn has_nothing_under_way(&self) -> bool {
        self.opening.is_empty() && self.before.is_empty()
    }

    /// Whether messages wait for confirms here.
    pub(super) fn is_idle(&self) -> bool {
        self.before.is_empty()
    }

    pub(super) async fn next(&mut self) -> Renewed {
        let Self { opening, before, .. } = self;
        let confirmed = async {
            if before.is_empty() {
                return std::future::pending().await;
            }
            let each = before.iter_mut().map(|(channel, until)| {
                Box::pin(async { tokio::time::timeout_at(*until, channel.next()).await.ok().flatten() })
            });
            let (confirmed, place, _) = select_all(each).await;
            Renewed::Confirmed(place, confirmed.map(Box::new))
        };
        tokio::select! {
            biased;
            Some(opened) = opening.next(), if !opening.is_empty() => opened.map_or(Renewed::Nothing, Renewed::Opened),
            confirmed = confirmed => confirmed,
        }
    }

    /// Takes in a confirm on one of the channels before. One that has ended, or confirms nothing more, is given up.
    pub(super) fn settle(
        &mut self,
        place: usize,
        confirmed: Option<Confirmed>,
        (gate, later): (&mut Gate, &mut Later),
        now: Instant,
    ) {
        let Some((channel, until)) = self.before.get_mut(place) else { return };
        if let Some(confirmed) = confirmed {
            channel.settle(confirmed, gate, later);
        }
        let is_over = now >= *until;
        let lost = channel.lost().cloned();
        if let Some(refusal) =
            lost.or_else(|| is_over.then(|| Refusal::lost("the broker confirms nothing on a channel")))
        {
            channel.abandon(&refusal, gate);
        }
        if channel.is_idle() || is_over {
            self.before.swap_remove(place);
        }
    }

    /// The epoch is over.
    pub(super) fn end(&mut self, refusal: &Refusal) {
        for (mut channel, _) in self.before.drain(..) {
            channel.end(refusal);
        }
    }
}
