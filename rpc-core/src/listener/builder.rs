//! What a listener is told before it starts.

use serde::de::DeserializeOwned;

use super::Listener;
use super::intake::{Intake, Reader};
use crate::delivery_limit::DeliveryLimit;
use crate::error::Error;
use crate::filter::Filter;
use crate::health::Stages;
use crate::history::{Position, Retention};
use crate::notification::Notification;
use crate::payload::ContentType;
use crate::priority::Priority;
use crate::target::Target;
use crate::transport::{ConsumeOptions, SharedTransport};

/// Makes a [`Listener`], or with [`endpoint`](ListenerBuilder::endpoint) a
/// [`NotificationServer`](crate::NotificationServer).
#[derive(Debug)]
#[must_use = "a listener collects nothing until it is started"]
pub struct ListenerBuilder {
    pub(super) transport: SharedTransport,
    pub(super) topics: Vec<String>,
    pub(super) exchanges: Vec<String>,
    /// `None` until it is said.
    pub(super) priorities: Option<Vec<Priority>>,
    pub(super) pool: Option<String>,
    pub(super) retention: Option<Retention>,
    /// `None` until it is said.
    pub(super) position: Option<Position>,
    pub(super) event_types: Vec<String>,
    pub(super) filters: Vec<Filter>,
    pub(super) accept: Vec<ContentType>,
    pub(super) delivery_limit: u32,
    pub(super) options: ConsumeOptions,
    /// Whether the prefetch was said.
    pub(super) prefetch_chosen: bool,
}

impl ListenerBuilder {
    /// How many events of a topic and priority are handed out unsettled when nothing else is said.
    pub const DEFAULT_PREFETCH: u16 = 64;
    /// How often an event may come when nothing else is said.
    pub const DEFAULT_DELIVERY_LIMIT: u32 = DeliveryLimit::DEFAULT;

    pub(super) fn new(transport: SharedTransport, topics: Vec<String>) -> Self {
        Self {
            transport,
            topics,
            exchanges: vec![Target::DEFAULT_EXCHANGE.to_owned()],
            priorities: None,
            pool: None,
            retention: None,
            position: None,
            event_types: Vec::new(),
            filters: Vec::new(),
            accept: ContentType::ALL.to_vec(),
            delivery_limit: Self::DEFAULT_DELIVERY_LIMIT,
            options: ConsumeOptions::new().prefetch(Self::DEFAULT_PREFETCH),
            prefetch_chosen: false,
        }
    }

    /// Shares the events with the other listeners of this pool. Default: the pool without a name.
    pub fn pool(mut self, pool: impl Into<String>) -> Self {
        self.pool = Some(pool.into());
        self
    }

    /// Reads the history of the topics, which is kept by the broker from the first such listener on, for as long as
    /// `retention` says. Everybody who reads it has to say the same.
    ///
    /// Every listener reads all of it, so there are no pools. The broker does not know who has read what: reading begins
    /// where [`from`](Self::from) says, and a collector keeps [`Received::offset`](super::Received::offset) with its data to
    /// go on after a crash. Until its end a listener goes on by itself when a link is lost. An event that is given back comes
    /// again to this listener; one that is rejected goes to the dead-letter queue and stays in the history. Default: events
    /// are taken from the queue of the pool.
    pub fn history(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Begins to read the [`history`](Self::history) here. Offsets are those of one topic in one exchange. Default:
    /// [`Position::First`].
    pub fn from(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Listens in this exchange. Default: [`Target::DEFAULT_EXCHANGE`].
    pub fn exchange(self, exchange: impl Into<String>) -> Self {
        self.exchanges([exchange])
    }

    /// Listens in each of these exchanges, in turn. Default: [`Target::DEFAULT_EXCHANGE`].
    pub fn exchanges<E: Into<String>>(mut self, exchanges: impl IntoIterator<Item = E>) -> Self {
        self.exchanges.clear();
        for exchange in exchanges {
            let exchange = exchange.into();
            // One that is named twice is consumed once.
            if !self.exchanges.contains(&exchange) {
                self.exchanges.push(exchange);
            }
        }
        self
    }

    /// Takes these priorities only. Default: all, and for a [`NotificationServer`](crate::NotificationServer) those that its
    /// handlers want.
    pub fn priorities(mut self, priorities: impl IntoIterator<Item = Priority>) -> Self {
        self.priorities = Some(priorities.into_iter().collect());
        self
    }

    /// Takes events of the type that `N` is only, as [`event_type`](Self::event_type) does: for a listener of one type on a topic
    /// that has others, which would not decode. Default: all.
    pub fn only<N: Notification>(self) -> Self {
        self.event_type(N::EVENT_TYPE)
    }

    /// Takes events of this type only; may be said several times. Others are acknowledged and passed over, so all
    /// listeners of a pool have to want the same. Default: all.
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Takes events only that pass this filter, or another one if it is said several times. Others are acknowledged and
    /// passed over, so all listeners of a pool have to want the same. Default: all.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Accepts payloads in these content types only. Default: all of [`ContentType::ALL`].
    pub fn accept(mut self, content_types: impl IntoIterator<Item = ContentType>) -> Self {
        self.accept = content_types.into_iter().collect();
        self
    }

    /// Lets the broker hand out at most this many unsettled events of each topic and priority, 0 counting as 1, and no more
    /// than the transport allows ([`Capabilities::most_prefetch`](crate::transport::Capabilities::most_prefetch)). Default: [`ListenerBuilder::DEFAULT_PREFETCH`], and as many as the batches of a
    /// [`NotificationServer`](crate::NotificationServer) need.
    pub fn prefetch(mut self, prefetch: u16) -> Self {
        self.options = self.options.prefetch(prefetch);
        self.prefetch_chosen = true;
        self
    }

    /// Hands an event out as this many attempts at most, 0 counting as 1. One that comes again after that goes to the
    /// dead-letter queue as [`Code::TooManyAttempts`](crate::Code::TooManyAttempts): it has ended the listener's process, or
    /// was given back, each time before. Nobody but the broker outlives such a process, so what it had in hand besides is
    /// counted, too: the smaller the [`prefetch`](Self::prefetch), the fewer. Default:
    /// [`ListenerBuilder::DEFAULT_DELIVERY_LIMIT`], below the limits of the brokers, which drop what they count out.
    ///
    /// A transport that keeps no dead letters ([`Capabilities::dead_letters`](crate::transport::Capabilities::dead_letters))
    /// has no such limit: there an event comes again until it is handled.
    pub fn delivery_limit(mut self, attempts: u32) -> Self {
        self.delivery_limit = attempts;
        self
    }

    /// The prefetch of which the transport grants no more than its own.
    pub(super) fn granted_prefetch(&self) -> u16 {
        self.options.prefetch.min(self.transport.capabilities().most_prefetch.max(1))
    }

    /// What makes payloads readable.
    pub(super) fn reader(&self) -> Reader {
        Reader::new(&self.accept, self.transport.capabilities().max_message_size)
    }

    /// Starts to listen, and returns once the broker keeps the events for this pool. Payloads are decoded into
    /// `T`; use [`Value`](crate::Value) for any. What does not decode goes to the dead letters, events of other types included:
    /// where a topic has several types, say which is meant ([`only`](Self::only)).
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](crate::Code::InvalidArguments) when a name is empty, there is no topic or no priority, an
    /// expression of a filter is bad, or what was said about a history does not fit together;
    /// [`Code::Unavailable`](crate::Code::Unavailable), not to be tried again, when the transport keeps no history; and what
    /// the transport says.
    pub async fn start<T: DeserializeOwned>(mut self) -> Result<Listener<T>, Error> {
        let prefetch = self.granted_prefetch();
        self.options = self.options.prefetch(prefetch);
        Ok(Listener::new(Intake::start(self, Stages::default()).await?, prefetch))
    }
}
