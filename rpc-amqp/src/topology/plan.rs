//! What a consumer declares, and what it consumes.

use rpc_core::transport::{History, Source, Subscription};
use rpc_core::{Error, MessageId, Position, Priority, ReplyAddress, Route as TargetRoute, Target};

use super::declaration::{Declaration, ExchangeKind, QueueKind};
use super::name::{checked, not_empty, part};
use super::route::{
    fanout_exchange, history_key, history_queue, notification_exchange, notification_key, notification_queue,
    request_exchange, server_key, server_queue, topic_key, topic_queue,
};
use crate::settings::QueueType;

/// A queue to one server goes when no such server was there for 30 minutes.
const SERVER_QUEUE_EXPIRES_MS: i32 = 1_800_000;
/// A reply queue goes when its client was away for 2 minutes.
const REPLY_QUEUE_EXPIRES_MS: i32 = 120_000;

/// What a consumer declares, in order, and what it then consumes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) queues: Vec<PlannedQueue>,
    /// Whether these are replies, which are worth something even when the link that brought them is gone.
    pub(crate) replies: bool,
}

/// A queue to consume.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PlannedQueue {
    pub(crate) name: String,
    /// Exchange and topic under which its rejected messages are kept.
    pub(crate) exchange: String,
    pub(crate) topic: String,
    /// Where reading begins, if it is a stream.
    pub(crate) stream: Option<Position>,
    /// Whether nobody else needs it once its consumer is closed.
    pub(crate) ends_with_consumer: bool,
    /// Whether a second consumer would be a mistake: its name is to be that of one process.
    pub(crate) is_sole: bool,
    /// Whether a broker that moves it to another node is asked to tell.
    pub(crate) cancels_on_failover: bool,
}

impl PlannedQueue {
    /// A queue that keeps nothing that was read.
    pub(crate) fn new(name: String, exchange: &str, topic: &str) -> Self {
        let (exchange, topic) = (exchange.to_owned(), topic.to_owned());
        let (stream, ends_with_consumer, is_sole, cancels_on_failover) = (None, false, false, false);
        Self { name, exchange, topic, stream, ends_with_consumer, is_sole, cancels_on_failover }
    }
}

impl Plan {
    /// The plan for `source`. Made anew for every epoch, since an exclusive queue needs a name that the broker has
    /// not locked for the last connection.
    pub(crate) fn of(source: &Source, queue_type: QueueType) -> Result<Self, Error> {
        match source {
            Source::Requests(target) => Self::requests(target, queue_type),
            Source::Replies(address) => Ok(Self::replies(address, queue_type)),
            Source::Notifications(subscription) => Self::notifications(subscription, queue_type),
        }
    }

    /// Whether an exchange goes with its last user.
    pub(crate) fn has_passing_exchange(&self) -> bool {
        let is_passing = |declaration: &Declaration| matches!(declaration, Declaration::Exchange { lifetime, .. } if lifetime.auto_delete);
        self.declarations.iter().any(is_passing)
    }

    fn requests(target: &Target, queue_type: QueueType) -> Result<Self, Error> {
        let durable = |expires_ms| QueueKind::Durable { queue_type, expires_ms };
        let (exchange, exchange_kind, queue, queue_kind, key) = match target.route() {
            TargetRoute::Topic => (
                request_exchange(target)?,
                ExchangeKind::Topic,
                topic_queue(target)?,
                durable(None),
                topic_key(target)?,
            ),
            TargetRoute::Server(server) => (
                request_exchange(target)?,
                ExchangeKind::Topic,
                server_queue(target, server)?,
                durable(Some(SERVER_QUEUE_EXPIRES_MS)),
                server_key(target, server)?,
            ),
            TargetRoute::Fanout => (
                fanout_exchange(target)?,
                ExchangeKind::Fanout,
                fanout_queue(target)?,
                QueueKind::Exclusive,
                String::new(),
            ),
        };
        Ok(Self {
            declarations: vec![
                Declaration::exchange(exchange.clone(), exchange_kind),
                Declaration::Queue { name: queue.clone(), kind: queue_kind },
                Declaration::Binding { queue: queue.clone(), exchange, key },
            ],
            queues: vec![PlannedQueue::new(queue, target.exchange_name(), target.topic_name())],
            replies: false,
        })
    }

    fn replies(address: &ReplyAddress, queue_type: QueueType) -> Self {
        let name = address.as_str().to_owned();
        let kind = QueueKind::Durable { queue_type, expires_ms: Some(REPLY_QUEUE_EXPIRES_MS) };
        Self {
            declarations: vec![Declaration::Queue { name: name.clone(), kind }],
            queues: vec![PlannedQueue::new(name, "", "")],
            replies: true,
        }
    }

    fn notifications(subscription: &Subscription, queue_type: QueueType) -> Result<Self, Error> {
        let Subscription { exchange, topics, priorities, pool, history, .. } = subscription;
        if let Some(history) = history {
            return Self::history(exchange, topics, *history);
        }
        let exchange_name = notification_exchange(exchange)?;
        let mut declarations = vec![Declaration::exchange(exchange_name.clone(), ExchangeKind::Topic)];
        let mut queues: Vec<PlannedQueue> = Vec::new();
        let pairs = topics.iter().flat_map(|topic| priorities.iter().map(move |priority| (topic, *priority)));
        for (topic, priority) in pairs {
            let name = notification_queue(exchange, topic, priority, pool.as_deref())?;
            // A topic or priority that is listed twice is consumed once.
            if queues.iter().any(|queue| queue.name == name) {
                continue;
            }
            declarations.extend(bound_queue(&name, &exchange_name, topic, priority, queue_type)?);
            queues.push(PlannedQueue::new(name, exchange, topic));
        }
        not_empty("list of topics or priorities", if queues.is_empty() { "" } else { "some" })?;
        Ok(Self { declarations, queues, replies: false })
    }

    fn history(exchange: &str, topics: &[String], history: History) -> Result<Self, Error> {
        let exchange_name = notification_exchange(exchange)?;
        let mut declarations = vec![Declaration::exchange(exchange_name.clone(), ExchangeKind::Topic)];
        let mut queues: Vec<PlannedQueue> = Vec::new();
        for topic in topics {
            let name = history_queue(exchange, topic)?;
            if queues.iter().any(|queue| queue.name == name) {
                continue;
            }
            let (queue, key) = (name.clone(), history_key(topic)?);
            declarations.extend([
                Declaration::Queue { name: queue.clone(), kind: QueueKind::Stream(history.retention) },
                Declaration::Binding { queue, exchange: exchange_name.clone(), key },
            ]);
            let stream = Some(history.position);
            queues.push(PlannedQueue { stream, ..PlannedQueue::new(name, exchange, topic) });
        }
        not_empty("list of topics", if queues.is_empty() { "" } else { "some" })?;
        Ok(Self { declarations, queues, replies: false })
    }
}

fn bound_queue(
    name: &str,
    exchange: &str,
    topic: &str,
    priority: Priority,
    queue_type: QueueType,
) -> Result<[Declaration; 2], Error> {
    Ok([
        Declaration::Queue {
            name: name.to_owned(),
            kind: QueueKind::Durable { queue_type, expires_ms: None },
        },
        Declaration::Binding {
            queue: name.to_owned(),
            exchange: exchange.to_owned(),
            key: notification_key(topic, priority)?,
        },
    ])
}

fn fanout_queue(target: &Target) -> Result<String, Error> {
    let server = target.server_name().unwrap_or("any");
    // 128 bits from the system's random source, as text.
    let random = MessageId::random();
    checked(format!("fan.{}.{}.{random}", part(target.topic_name()), part(server)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rpc_core::Retention;

    use super::*;

    fn plan(source: &Source) -> Plan {
        Plan::of(source, QueueType::Quorum).unwrap()
    }

    #[test]
    fn an_exclusive_queue_is_never_named_twice() {
        let source = Source::Requests(Target::topic("t").server("s.1").fanout());
        let (first, second) = (plan(&source), plan(&source));
        assert!(first.queues[0].name.starts_with("fan.t.s%2e1."));
        assert_ne!(first.queues[0].name, second.queues[0].name);
        assert!(matches!(first.declarations[1], Declaration::Queue { kind: QueueKind::Exclusive, .. }));
    }

    #[test]
    fn replies_wait_in_a_queue_that_expires() {
        let address = ReplyAddress::random("svc");
        let plan = plan(&Source::Replies(address.clone()));
        assert!(plan.replies);
        assert_eq!(plan.queues[0].name, address.as_str());
        let wanted = plan.declarations[0].wanted();
        assert!(wanted.contains("x-queue-type=quorum, x-expires=120000"), "{wanted}");
    }

    #[test]
    fn a_subscription_has_a_queue_for_each_topic_and_priority() {
        let mut subscription = Subscription::new(vec!["a".to_owned(), "b".to_owned(), "a".to_owned()]);
        subscription.priorities = vec![Priority::Info, Priority::Error];
        subscription.pool = Some("audit".to_owned());
        let plan = plan(&Source::Notifications(subscription));
        let names: Vec<_> = plan.queues.iter().map(|queue| queue.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "notify.default.a.info.audit",
                "notify.default.a.error.audit",
                "notify.default.b.info.audit",
                "notify.default.b.error.audit"
            ]
        );
        assert_eq!(plan.declarations.len(), 9);
    }

    #[test]
    fn a_history_is_a_stream_for_each_topic_with_all_priorities() {
        let retention = Retention::age(Duration::from_secs(86_400)).and_bytes(1_000_000);
        let mut subscription = Subscription::new(vec!["a.b".to_owned(), "a.b".to_owned()]);
        subscription.history = Some(History::new(retention));
        let plan = plan(&Source::Notifications(subscription));
        assert_eq!(plan.queues.len(), 1);
        assert_eq!(
            (plan.queues[0].name.as_str(), plan.queues[0].stream),
            ("history.default.a%2eb", Some(Position::First))
        );
        let wanted: Vec<_> = plan.declarations.iter().map(Declaration::wanted).collect();
        assert!(
            wanted[1].ends_with("x-queue-type=stream, x-max-age=86400s, x-max-length-bytes=1000000"),
            "{wanted:?}"
        );
        assert!(wanted[2].ends_with(r#"by "a%2eb.*""#), "{wanted:?}");
        assert!(plan.declarations.iter().all(|it| it.is_shared(&plan.declarations)));
    }

    #[test]
    fn a_queue_to_one_server_expires() {
        let plan = plan(&Source::Requests(Target::topic("t").server("s")));
        assert_eq!(plan.queues[0].name, "rpc.default.t.s");
        assert!(plan.declarations[1].wanted().contains("x-queue-type=quorum, x-expires=1800000"));
    }
}
