//! What a notification server is told before it starts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::NotificationServer;
use super::requeue_delay::RequeueDelay;
use crate::error::Error;
use crate::listener::handler::Wants;
use crate::listener::{ListenerBuilder, NotificationEndpoint};
use crate::priority::Priority;

/// Makes a [`NotificationServer`].
#[derive(Debug)]
#[must_use = "a server handles nothing until it is started"]
pub struct NotificationServerBuilder {
    pub(super) listener: ListenerBuilder,
    pub(super) endpoints: Vec<NotificationEndpoint>,
    pub(super) concurrency: usize,
    pub(super) batch: Batch,
    pub(super) requeue_delay: RequeueDelay,
}

/// How many events make a batch, and how long the first waits for the others; without a time, for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Batch {
    pub(super) size: u16,
    pub(super) within: Option<Duration>,
}

impl ListenerBuilder {
    /// Calls the handlers of an endpoint instead of handing events out.
    pub fn endpoint(self, endpoint: NotificationEndpoint) -> NotificationServerBuilder {
        NotificationServerBuilder {
            listener: self,
            endpoints: vec![endpoint],
            concurrency: 1,
            batch: Batch { size: 1, within: None },
            requeue_delay: RequeueDelay::DEFAULT,
        }
    }
}

impl NotificationServerBuilder {
    /// How long an event waits to come again for the first time when nothing else is said.
    pub const DEFAULT_REQUEUE_DELAY: Duration = RequeueDelay::DEFAULT.first;
    /// How long an event waits at most to come again when nothing else is said.
    pub const DEFAULT_LONGEST_REQUEUE_DELAY: Duration = RequeueDelay::DEFAULT.longest;

    /// Calls the handlers of one more endpoint, after those of the earlier ones.
    pub fn endpoint(mut self, endpoint: NotificationEndpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Handles this many events, or batches, at a time, 0 counting as 1. Default: 1, which keeps their order.
    pub fn concurrency(mut self, concurrency: u16) -> Self {
        self.concurrency = concurrency.max(1).into();
        self
    }

    /// Hands events over in batches of `size`, 0 counting as 1, or of fewer when no more have come `within` a time after the
    /// first of them; without such a time, only full ones. A batch has no more events than the
    /// [`prefetch`](ListenerBuilder::prefetch), if one is set, and than the transport hands out of a queue, so that it can fill
    /// from one queue. Default: each event alone.
    ///
    /// Without a time the events of a batch that does not fill are out for ever. RabbitMQ takes them for forgotten after 30
    /// minutes (its `consumer_timeout`), closes the channel, and delivers them as another attempt; after
    /// [`delivery_limit`](ListenerBuilder::delivery_limit) of these, five hours by default, they are dead letters. So where
    /// events are rare, say a time.
    pub fn batch(mut self, size: u16, within: Option<Duration>) -> Self {
        self.batch = Batch { size: size.max(1), within };
        self
    }

    /// Lets an event that was not handled wait this long before it comes again, and twice as long after each further attempt,
    /// up to the [longest](Self::longest_requeue_delay) delay, unless its handler says otherwise. Meanwhile it counts for the
    /// prefetch, so a listener whose every event fails slows down. Default:
    /// [`NotificationServerBuilder::DEFAULT_REQUEUE_DELAY`].
    ///
    /// With the defaults an event waits 1, 2, 4, 8, 16, 32, 60, 60 and 60 s between its ten attempts: what a handler needs can
    /// be away for four minutes before events go to the dead letters.
    pub fn requeue_delay(mut self, delay: Duration) -> Self {
        self.requeue_delay.first = delay;
        self
    }

    /// Lets the [`requeue_delay`](Self::requeue_delay) grow no further than this; one that is longer from the first stays as
    /// it is. Default: [`NotificationServerBuilder::DEFAULT_LONGEST_REQUEUE_DELAY`].
    pub fn longest_requeue_delay(mut self, delay: Duration) -> Self {
        self.requeue_delay.longest = delay;
        self
    }

    /// Starts to handle events, and returns once the broker keeps them for this pool.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) when a name is empty, there is no topic or no priority, or
    /// an expression of a filter is bad; and what the transport says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing running.
    pub async fn start(mut self) -> Result<NotificationServer, Error> {
        if !self.listener.prefetch_chosen {
            // The batches that are handled, and the one that fills meanwhile.
            let batches = u16::try_from(self.concurrency + 1).unwrap_or(u16::MAX);
            let prefetch = self.batch.size.saturating_mul(batches);
            let prefetch = prefetch.max(ListenerBuilder::DEFAULT_PREFETCH);
            self.listener.options = self.listener.options.prefetch(prefetch);
        }
        let prefetch = self.listener.granted_prefetch();
        self.listener.options = self.listener.options.prefetch(prefetch);
        self.batch.size = self.batch.size.min(prefetch);
        if self.listener.priorities.is_none() {
            self.listener.priorities = self.wanted_priorities();
        }
        NotificationServer::start(self).await
    }

    /// The priorities that the handlers want; `None` when one wants any, or there is none.
    fn wanted_priorities(&self) -> Option<Vec<Priority>> {
        let handlers = self.endpoints.iter().flat_map(|endpoint| &endpoint.handlers);
        let wanted = handlers.map(|handler| match handler.wants {
            Wants::Priority(priority) => Some(priority),
            Wants::EventType(_) | Wants::Any => None,
        });
        let wanted: BTreeSet<_> = wanted.collect::<Option<_>>()?;
        (!wanted.is_empty()).then(|| wanted.into_iter().collect())
    }
}
