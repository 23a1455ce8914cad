//! Takes events in, for listeners of both kinds.

use std::sync::Arc;

use super::ListenerBuilder;
use super::consumers::Consumers;
use super::reading::Reading;
use super::rejecter::Rejecter;
use crate::codec::compression;
use crate::delivery_limit::{Decision, DeliveryLimit};
use crate::error::{Code, Error, Executed, Phase};
use crate::filter::FilterSet;
use crate::health::{Consumed, HealthWatch, Stages};
use crate::history::{History, Position, Retention};
use crate::message::{Message, NotificationMessage};
use crate::payload::{ContentType, Payload};
use crate::priority::Priority;
use crate::transport::{Acknowledger, SharedTransport, Source, Subscription};

/// Takes events in: settles what is no event, what comes too often and what nobody wants, and hands on the rest.
pub(super) struct Intake {
    consumers: Consumers,
    /// Keeps the link open for as long as somebody listens.
    _transport: SharedTransport,
    /// A history has all of them.
    priorities: Vec<Priority>,
    event_types: Vec<String>,
    filters: FilterSet,
    reader: Reader,
    delivery_limit: DeliveryLimit,
    rejecter: Rejecter,
    health: HealthWatch,
    reading: Option<Reading>,
}

/// An event that is to be handled and settled.
pub(super) struct Arrival {
    pub(super) message: Arc<NotificationMessage>,
    /// What it was read from, if that is the history of one topic.
    pub(super) reading: Option<Reading>,
    pub(super) acknowledger: Acknowledger,
}

/// Makes payloads readable.
#[derive(Clone)]
pub(super) struct Reader {
    accept: Arc<[ContentType]>,
    max_message_size: usize,
}

impl Reader {
    pub(super) fn new(accept: &[ContentType], max_message_size: usize) -> Self {
        Self { accept: accept.into(), max_message_size }
    }

    /// The payload without its compression.
    pub(super) fn read(&self, message: &NotificationMessage) -> Result<Payload, Error> {
        message.payload.check_accepted(&self.accept)?;
        compression::inflate(message.payload.clone(), self.max_message_size)
    }
}

impl Intake {
    /// Starts to consume what `builder` says; `stages` are those of whoever handles the events.
    pub(super) async fn start(builder: ListenerBuilder, stages: Stages) -> Result<Self, Error> {
        let reader = builder.reader();
        let capabilities = builder.transport.capabilities();
        let ListenerBuilder { transport, topics, exchanges, priorities, pool, event_types, .. } = builder;
        let priorities = priorities.unwrap_or_else(|| Priority::ALL.to_vec());
        let names = topics.iter().chain(&exchanges).chain(&pool);
        let is_nothing = topics.is_empty() || priorities.is_empty() || exchanges.is_empty();
        if is_nothing || names.into_iter().any(String::is_empty) {
            let message = "a listener needs a topic, an exchange, a priority, and names that are not empty";
            return Err(Error::new(Code::InvalidArguments, message)
                .with_executed(Executed::NotSent)
                .with_phase(Phase::Connect));
        }
        let history = history(&builder.retention, &builder.position, &pool, topics.len() * exchanges.len())?;
        let filters = FilterSet::new(&builder.filters)?;
        let (mut consumers, mut consumed) = (Vec::new(), Vec::new());
        for exchange in exchanges {
            let subscription = Subscription {
                exchange,
                topics: topics.clone(),
                priorities: priorities.clone(),
                pool: pool.clone(),
                history,
            };
            let source = Source::Notifications(subscription);
            let what = source.to_string();
            let consumer = transport.transport().consume(source, builder.options).await?;
            consumed.push(Consumed { what, status: consumer.status() });
            consumers.push(consumer);
        }
        let is_one_stream = history.is_some() && consumed.len() * topics.len() == 1;
        let reading = consumed.first().filter(|_| is_one_stream).map(|one| Reading::new(one.status.clone()));
        let delivery_limit = if capabilities.dead_letters {
            DeliveryLimit::new(builder.delivery_limit, capabilities.redelivery_count)
        } else {
            DeliveryLimit::unlimited(capabilities.redelivery_count)
        };
        Ok(Self {
            consumers: Consumers::new(consumers),
            priorities,
            event_types,
            filters,
            reader,
            delivery_limit,
            rejecter: Rejecter::default(),
            reading,
            health: HealthWatch::new(transport.status(), consumed, stages),
            _transport: transport,
        })
    }

    /// The next event that is wanted; `None` once the transport was closed. Cancel-safe: an event that was taken and not
    /// handed on goes back.
    pub(super) async fn next(&mut self) -> Option<Arrival> {
        loop {
            let delivery = self.consumers.next().await?;
            let redelivered = delivery.is_redelivered();
            let (message, acknowledger) = delivery.into_parts();
            let message = match message {
                Ok(Message::Notification(notification)) => notification,
                Ok(Message::Request(_) | Message::Reply(_)) => {
                    self.rejecter.reject_unread(
                        acknowledger,
                        Code::Malformed,
                        "the message is not a notification",
                    );
                    continue;
                }
                Err(malformed) => {
                    self.rejecter.reject_unread(acknowledger, malformed.code, &malformed.reason);
                    continue;
                }
            };
            let reading = self.reading.clone();
            let acknowledger = match (&reading, message.offset) {
                (Some(reading), Some(offset)) => reading.taken(offset, acknowledger),
                _ => acknowledger,
            };
            let is_unasked = message.offset.is_some() && !self.priorities.contains(&message.priority);
            let is_other = !self.event_types.is_empty() && !self.event_types.contains(&message.event_type);
            if is_unasked || is_other {
                drop(acknowledger.ack());
                continue;
            }
            let arrival = Arrival { message, reading, acknowledger };
            // Before the payload is looked at: that, too, may end the process.
            let attempt = arrival.message.context.attempt;
            match self.delivery_limit.decide(attempt, redelivered) {
                Decision::Handle => {}
                Decision::Count => {
                    drop(arrival.acknowledger.retry(attempt));
                    continue;
                }
                Decision::Reject => {
                    let reason = self.delivery_limit.reason(attempt);
                    self.rejecter.reject(arrival, Code::TooManyAttempts, &reason);
                    continue;
                }
            }
            match self.is_wanted(&arrival.message) {
                Ok(true) => return Some(arrival),
                Ok(false) => drop(arrival.acknowledger.ack()),
                Err(error) => self.rejecter.reject(arrival, error.code(), error.message()),
            }
        }
    }

    /// What makes payloads readable.
    pub(super) const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How often events are handled.
    pub(super) const fn delivery_limit(&self) -> DeliveryLimit {
        self.delivery_limit
    }

    /// What moves events to the dead letters.
    pub(super) const fn rejecter(&self) -> &Rejecter {
        &self.rejecter
    }

    pub(super) const fn health(&self) -> &HealthWatch {
        &self.health
    }

    /// Asks for nothing more, and gives back what was not handed out.
    pub(super) async fn stop(&mut self) {
        self.consumers.stop().await;
    }

    /// Gives the broker what was settled, then ends.
    pub(super) async fn close(self) {
        self.consumers.close().await;
    }

    fn is_wanted(&self, message: &NotificationMessage) -> Result<bool, Error> {
        if self.filters.is_empty() {
            return Ok(true);
        }
        Ok(self.filters.matches(message, || self.reader.read(message))?.any())
    }
}

/// What the subscriptions to `streams` topics say about the history.
fn history(
    retention: &Option<Retention>,
    position: &Option<Position>,
    pool: &Option<String>,
    streams: usize,
) -> Result<Option<History>, Error> {
    let wrong = match (retention, position, pool) {
        (Some(_), _, Some(_)) => "a history has no pools: every listener reads all of it",
        (Some(_), Some(Position::Offset(_)), None) if streams != 1 => {
            "an offset belongs to one topic in one exchange: start a listener for each"
        }
        (None, Some(_), _) => "only a history can be read from a position: say how long it is kept",
        (None, None, _) => return Ok(None),
        (Some(retention), position, None) => {
            let position = position.unwrap_or_default();
            return Ok(Some(History { position, ..History::new(*retention) }));
        }
    };
    Err(Error::new(Code::InvalidArguments, wrong).with_executed(Executed::NotSent).with_phase(Phase::Connect))
}
