//! Whether a transport, a server or a listener does its work.

use std::fmt;
use std::sync::Arc;

use futures_util::future::select_all;
use tokio_util::sync::CancellationToken;

use crate::transport::{ConsumerState, ConsumerWatch, LinkState, StatusWatch};

/// Whether something does its work, in the words of a readiness probe.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Health {
    /// The link is up. Said of a transport, which consumes nothing by itself.
    Connected,
    /// The link is up, and the broker delivers to every queue.
    Consuming,
    /// Something is missing, and the transport is about to change that. Says what.
    Degraded(Arc<str>),
    /// Told to stop: takes nothing new, and finishes what runs.
    Draining,
    /// Stopped, or the transport was closed.
    Closed,
}

impl Health {
    /// Whether it can be given work: connected or consuming.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Connected | Self::Consuming)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => formatter.write_str("connected"),
            Self::Consuming => formatter.write_str("consuming"),
            Self::Degraded(why) => write!(formatter, "degraded ({why})"),
            Self::Draining => formatter.write_str("draining"),
            Self::Closed => formatter.write_str("closed"),
        }
    }
}

/// How something is, whenever it is asked. Cheap to clone, and cheap enough to ask thousands of times a second: it reads
/// what is known and talks to nobody.
///
/// ```
/// # use rpc_core::{Health, MemoryTransport};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let transport = MemoryTransport::new();
/// let mut health = transport.health();
/// assert_eq!(health.now(), Health::Connected);
///
/// transport.close().await;
/// let now = health.wait_for(|health| !health.is_ready()).await;
/// assert_eq!(now, Some(Health::Closed));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HealthWatch {
    link: StatusWatch,
    consumers: Arc<[Consumed]>,
    stages: Stages,
}

/// How far whoever consumes has come: its consumers stop first, and do not know when its work has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages {
    /// It was told to stop.
    pub(crate) draining: CancellationToken,
    /// Nothing that it took is left; comes after the other.
    pub(crate) ended: CancellationToken,
}

/// A consumer, by what it takes.
#[derive(Clone, Debug)]
pub(crate) struct Consumed {
    pub(crate) what: String,
    pub(crate) status: ConsumerWatch,
}

impl HealthWatch {
    pub(crate) fn new(
        link: StatusWatch,
        consumers: impl IntoIterator<Item = Consumed>,
        stages: Stages,
    ) -> Self {
        Self { link, consumers: consumers.into_iter().collect(), stages }
    }

    /// How it is now.
    #[must_use]
    pub fn now(&self) -> Health {
        let is_stopped = |consumed: &Consumed| consumed.status.look(|it| it.state == ConsumerState::Stopped);
        let link = self.link.now();
        let consumes = !self.consumers.is_empty();
        if link.state == LinkState::Closed {
            return Health::Closed;
        }
        let is_draining = self.stages.draining.is_cancelled();
        let has_work = is_draining && !self.stages.ended.is_cancelled();
        if !has_work && consumes && self.consumers.iter().all(is_stopped) {
            return Health::Closed;
        }
        if is_draining {
            return Health::Draining;
        }
        if link.state != LinkState::Connected {
            return Health::Degraded(match link.last_error {
                Some(why) if link.state == LinkState::Degraded => why,
                _ => link.to_string().into(),
            });
        }
        match self.consumers.iter().find_map(Consumed::lack) {
            Some(lack) => Health::Degraded(lack),
            None if consumes => Health::Consuming,
            None => Health::Connected,
        }
    }
}

impl HealthWatch {
    /// Waits until `wanted` holds; `None` when it did not and nothing will change any more, since all is closed.
    ///
    /// To hear of every change, wait for what differs from the last: `wait_for(|now| *now != last)`. Changes that follow
    /// each other at once may be seen as one. A transport that ends without saying that it is closed is waited for in vain.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&Health) -> bool) -> Option<Health> {
        loop {
            // From before the look, so that no report falls between the two.
            let consumers = self.consumers.iter().map(|consumed| consumed.status.next_report());
            let reports = select_all(std::iter::once(self.link.next_report()).chain(consumers));
            let Stages { draining, ended } = &self.stages;
            let (is_draining, has_ended) = (draining.is_cancelled(), ended.is_cancelled());
            let health = self.now();
            if wanted(&health) {
                return Some(health);
            }
            if health == Health::Closed {
                return None;
            }
            tokio::select! {
                _ = reports => {}
                () = draining.cancelled(), if !is_draining => {}
                () = ended.cancelled(), if !has_ended => {}
            }
        }
    }
}

impl Consumed {
    /// What keeps it from consuming.
    fn lack(&self) -> Option<Arc<str>> {
        self.status.look(|status| match status.state {
            ConsumerState::Consuming => None,
            ConsumerState::Degraded => {
                let reason = status.reason.as_deref().unwrap_or("no reason is known");
                Some(format!("cannot consume {}: {reason}", self.what).into())
            }
            ConsumerState::Stopped => Some(format!("stopped consuming {}", self.what).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::transport::{ConsumerReporter, ConsumerStatus, Status, StatusReporter};

    #[test]
    fn the_worst_is_said_first() {
        let link = StatusReporter::new(Status::CONNECTING);
        let consumers = [ConsumerStatus::CONSUMING, ConsumerStatus::CONSUMING].map(ConsumerReporter::new);
        let stages = Stages::default();
        let consumed = consumers
            .iter()
            .enumerate()
            .map(|(index, reporter)| Consumed { what: format!("queue {index}"), status: reporter.watch() });
        let health = HealthWatch::new(link.watch(), consumed, stages.clone());
        assert_eq!(health.now(), Health::Degraded("connecting".into()));
        link.update(Status::next_epoch);
        assert_eq!(health.now(), Health::Consuming);
        consumers[1].update(|status| status.degraded("404"));
        assert_eq!(health.now().to_string(), "degraded (cannot consume queue 1: 404)");
        stages.draining.cancel();
        assert_eq!(health.now(), Health::Draining);
        for consumer in consumers {
            consumer.update(ConsumerStatus::stopped);
            assert_eq!(health.now(), Health::Draining, "what was taken is still at work");
        }
        stages.ended.cancel();
        assert_eq!(health.now(), Health::Closed);
    }

    #[test]
    fn consumers_that_end_by_themselves_close_it() {
        let link = StatusReporter::new(Status::CONNECTING.next_epoch());
        let consumer = ConsumerReporter::new(ConsumerStatus::CONSUMING.stopped());
        let consumed = Consumed { what: "queue".to_owned(), status: consumer.watch() };
        assert_eq!(HealthWatch::new(link.watch(), [consumed], Stages::default()).now(), Health::Closed);
    }

    #[tokio::test]
    async fn every_change_can_be_waited_for() {
        let link = StatusReporter::new(Status::CONNECTING);
        let consumer = ConsumerReporter::new(ConsumerStatus::CONSUMING);
        let stages = Stages::default();
        let consumed = Consumed { what: "queue".to_owned(), status: consumer.watch() };
        let mut health = HealthWatch::new(link.watch(), [consumed], stages.clone());
        let mut last = health.now();
        let mut change = async |make: &dyn Fn()| {
            let mut next = Box::pin(health.wait_for(|now| *now != last));
            assert_eq!((&mut next).now_or_never(), None);
            make();
            let now = next.now_or_never().expect("it is told at once").expect("it is not closed before");
            last = now.clone();
            now
        };
        assert_eq!(change(&|| link.update(Status::next_epoch)).await, Health::Consuming);
        let degraded = change(&|| consumer.update(|status| status.degraded("404"))).await;
        assert_eq!(degraded.to_string(), "degraded (cannot consume queue: 404)");
        assert_eq!(change(&|| stages.draining.cancel()).await, Health::Draining);
        consumer.update(ConsumerStatus::stopped);
        assert_eq!(change(&|| stages.ended.cancel()).await, Health::Closed);
        assert_eq!(health.wait_for(Health::is_ready).now_or_never(), Some(None));
    }

    #[test]
    fn a_transport_alone_is_as_good_as_its_link() {
        let link = StatusReporter::new(Status::CONNECTING.next_epoch());
        let health = HealthWatch::new(link.watch(), [], Stages::default());
        assert!(health.now().is_ready());
        link.update(|status| status.with(LinkState::Blocked, Some("low on disk".into())));
        assert_eq!(health.now(), Health::Degraded("blocked (low on disk)".into()));
        link.update(|status| status.with(LinkState::Degraded, Some("one connection is down".into())));
        assert_eq!(health.now().to_string(), "degraded (one connection is down)");
        link.update(|status| status.with(LinkState::Closed, None));
        assert_eq!(health.now(), Health::Closed);
    }
}
