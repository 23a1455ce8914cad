//! Whether a transport, a server or a listener does its work.

use std::fmt;
use std::sync::Arc;

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
/// let transport = MemoryTransport::new();
/// assert_eq!(transport.health().now(), Health::Connected);
/// ```
#[derive(Clone, Debug)]
pub struct HealthWatch {
    link: StatusWatch,
    consumers: Arc<[Consumed]>,
    draining: CancellationToken,
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
        draining: CancellationToken,
    ) -> Self {
        Self { link, consumers: consumers.into_iter().collect(), draining }
    }

    /// How it is now.
    #[must_use]
    pub fn now(&self) -> Health {
        let is_stopped = |consumed: &Consumed| consumed.status.look(|it| it.state == ConsumerState::Stopped);
        let link = self.link.now();
        let consumes = !self.consumers.is_empty();
        if link.state == LinkState::Closed || (consumes && self.consumers.iter().all(is_stopped)) {
            return Health::Closed;
        }
        if self.draining.is_cancelled() {
            return Health::Draining;
        }
        if link.state != LinkState::Connected {
            return Health::Degraded(link.to_string().into());
        }
        match self.consumers.iter().find_map(Consumed::lack) {
            Some(lack) => Health::Degraded(lack),
            None if consumes => Health::Consuming,
            None => Health::Connected,
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
    use super::*;
    use crate::transport::{ConsumerReporter, ConsumerStatus, Status, StatusReporter};

    #[test]
    fn the_worst_is_said_first() {
        let link = StatusReporter::new(Status::CONNECTING);
        let consumers = [ConsumerStatus::CONSUMING, ConsumerStatus::CONSUMING].map(ConsumerReporter::new);
        let draining = CancellationToken::new();
        let consumed = consumers
            .iter()
            .enumerate()
            .map(|(index, reporter)| Consumed { what: format!("queue {index}"), status: reporter.watch() });
        let health = HealthWatch::new(link.watch(), consumed, draining.clone());
        assert_eq!(health.now(), Health::Degraded("connecting".into()));
        link.update(Status::next_epoch);
        assert_eq!(health.now(), Health::Consuming);
        consumers[1].update(|status| status.degraded("404"));
        assert_eq!(health.now().to_string(), "degraded (cannot consume queue 1: 404)");
        draining.cancel();
        assert_eq!(health.now(), Health::Draining);
        consumers[0].update(ConsumerStatus::stopped);
        assert_eq!(health.now(), Health::Draining);
        consumers[1].update(ConsumerStatus::stopped);
        assert_eq!(health.now(), Health::Closed);
    }

    #[test]
    fn a_transport_alone_is_as_good_as_its_link() {
        let link = StatusReporter::new(Status::CONNECTING.next_epoch());
        let health = HealthWatch::new(link.watch(), [], CancellationToken::new());
        assert!(health.now().is_ready());
        link.update(|status| status.with(LinkState::Blocked, Some("low on disk".into())));
        assert_eq!(health.now(), Health::Degraded("blocked (low on disk)".into()));
        link.update(|status| status.with(LinkState::Closed, None));
        assert_eq!(health.now(), Health::Closed);
    }
}
