//! Which way a message takes.

use rpc_core::transport::Destination;
use rpc_core::{Error, Priority, ReplyAddress, Route as TargetRoute, Target};

use super::declaration::{Declaration, ExchangeKind, QueueKind};
use super::name::{checked, last_part, not_empty, part};
use crate::settings::QueueType;

/// Which way a message takes: to which exchange, under which key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    /// The exchange; empty for the default one.
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// Whether a message that no queue takes comes back.
    pub(crate) mandatory: bool,
    /// What has to exist before the broker accepts the message: publishing to an exchange that does not exist
    /// closes the channel.
    pub(crate) needs: Vec<Declaration>,
}

impl Route {
    /// The way to `destination`.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`](rpc_core::Code::InvalidArguments) for a name that is empty or too long.
    pub(crate) fn to(destination: &Destination) -> Result<Self, Error> {
        match destination {
            Destination::Request(target) => Self::request(target),
            Destination::Reply(address) => Ok(Self::reply(address)),
            Destination::Notification { exchange, topic, priority } => {
                Self::notification(exchange, topic, *priority)
            }
        }
    }

    /// The way of a request, which takes no exchange of ours when there is one queue to go to.
    ///
    /// # Errors
    ///
    /// As those of [`Route::to`].
    pub(super) fn to_queue(target: &Target) -> Result<Self, Error> {
        match request_queue(target)? {
            Some(queue) => Ok(Self::straight_to(&queue)),
            None => Self::request(target),
        }
    }

    fn request(target: &Target) -> Result<Self, Error> {
        let (exchange, key, mandatory, kind) = match target.route() {
            TargetRoute::Topic => (request_exchange(target)?, topic_key(target)?, true, ExchangeKind::Topic),
            TargetRoute::Server(server) => {
                (request_exchange(target)?, server_key(target, server)?, true, ExchangeKind::Topic)
            }
            TargetRoute::Fanout => (fanout_exchange(target)?, String::new(), false, ExchangeKind::Fanout),
        };
        let needs = vec![Declaration::exchange(exchange.clone(), kind)];
        Ok(Self { exchange, key, mandatory, needs })
    }

    /// To one queue and nowhere else.
    pub(crate) fn straight_to(queue: &str) -> Self {
        Self { exchange: String::new(), key: queue.to_owned(), mandatory: true, needs: Vec::new() }
    }

    fn reply(address: &ReplyAddress) -> Self {
        Self {
            exchange: String::new(),
            key: address.as_str().to_owned(),
            mandatory: !address.as_str().starts_with("amq."),
            needs: Vec::new(),
        }
    }

    fn notification(exchange: &str, topic: &str, priority: Priority) -> Result<Self, Error> {
        not_empty("topic", topic)?;
        let name = notification_exchange(exchange)?;
        Ok(Self {
            needs: vec![Declaration::exchange(name.clone(), ExchangeKind::Topic)],
            key: notification_key(topic, priority)?,
            exchange: name,
            mandatory: true,
        })
    }
}

/// The way to the dead letters of `topic`, whose queue is declared at first use.
pub(crate) fn dead_letters(exchange: &str, topic: &str, queue_type: QueueType) -> Result<Route, Error> {
    let name = checked(format!("dlx.{}", part(exchange)))?;
    let queue = dead_letter_queue(exchange, topic)?;
    let key = checked(part(topic))?;
    Ok(Route {
        needs: vec![
            Declaration::exchange(name.clone(), ExchangeKind::Direct),
            Declaration::Queue {
                name: queue.clone(),
                kind: QueueKind::Durable { queue_type, expires_ms: None },
            },
            Declaration::Binding { queue, exchange: name.clone(), key: key.clone() },
        ],
        exchange: name,
        key,
        mandatory: true,
    })
}

/// The queue that keeps the dead letters of `topic`.
pub(crate) fn dead_letter_queue(exchange: &str, topic: &str) -> Result<String, Error> {
    checked(format!("dlq.{}.{}", part(exchange), part(topic)))
}

/// Whether dead letters of `topic` can have been rejected from `queue`. They say so themselves, and whoever writes to the
/// exchange of dead letters must not be able to have somebody else's queue written to.
pub(crate) fn is_queue_of(queue: &str, exchange: &str, topic: &str) -> bool {
    let (exchange, topic) = (part(exchange), part(topic));
    let requests = format!("rpc.{exchange}.{topic}");
    let below = [format!("{requests}."), format!("notify.{exchange}.{topic}."), format!("fan.{topic}.")];
    queue == requests || below.iter().any(|start| queue.starts_with(start))
}

/// The way of a notification that nobody has subscribed to yet: straight to the queue of the default pool. Its first listener
/// binds that; until then nothing else gets there, so nothing gathers beside a pool with a name.
pub(super) fn unclaimed(
    exchange: &str,
    topic: &str,
    priority: Priority,
    queue_type: QueueType,
) -> Result<Route, Error> {
    let name = notification_queue(exchange, topic, priority, None)?;
    let route = Route::straight_to(&name);
    let kind = QueueKind::Durable { queue_type, expires_ms: None };
    Ok(Route { needs: vec![Declaration::Queue { name, kind }], ..route })
}

/// The queue in which requests to `target` wait; `None` for a fanout, where every server has one.
pub(super) fn request_queue(target: &Target) -> Result<Option<String>, Error> {
    match target.route() {
        TargetRoute::Topic => topic_queue(target).map(Some),
        TargetRoute::Server(server) => server_queue(target, server).map(Some),
        TargetRoute::Fanout => Ok(None),
    }
}

pub(super) fn request_exchange(target: &Target) -> Result<String, Error> {
    not_empty("exchange", target.exchange_name())?;
    checked(format!("x.{}", part(target.exchange_name())))
}

pub(super) fn fanout_exchange(target: &Target) -> Result<String, Error> {
    not_empty("exchange", target.exchange_name())?;
    not_empty("topic", target.topic_name())?;
    checked(format!("x.{}.{}.fanout", part(target.exchange_name()), part(target.topic_name())))
}

pub(super) fn topic_key(target: &Target) -> Result<String, Error> {
    not_empty("topic", target.topic_name())?;
    checked(part(target.topic_name()))
}

pub(super) fn server_key(target: &Target, server: &str) -> Result<String, Error> {
    not_empty("server", server)?;
    checked(format!("{}.{}", topic_key(target)?, last_part(server)))
}

pub(super) fn topic_queue(target: &Target) -> Result<String, Error> {
    checked(format!("rpc.{}.{}", part(target.exchange_name()), topic_key(target)?))
}

pub(super) fn server_queue(target: &Target, server: &str) -> Result<String, Error> {
    checked(format!("{}.{}", topic_queue(target)?, last_part(server)))
}

pub(super) fn notification_exchange(exchange: &str) -> Result<String, Error> {
    not_empty("exchange", exchange)?;
    checked(format!("n.{}", part(exchange)))
}

pub(super) fn notification_key(topic: &str, priority: Priority) -> Result<String, Error> {
    checked(format!("{}.{priority}", part(topic)))
}

/// All priorities of a topic, whose own dots are escaped.
pub(super) fn history_key(topic: &str) -> Result<String, Error> {
    checked(format!("{}.*", part(topic)))
}

pub(crate) fn history_queue(exchange: &str, topic: &str) -> Result<String, Error> {
    not_empty("topic", topic)?;
    checked(format!("history.{}.{}", part(exchange), part(topic)))
}

pub(super) fn notification_queue(
    exchange: &str,
    topic: &str,
    priority: Priority,
    pool: Option<&str>,
) -> Result<String, Error> {
    not_empty("topic", topic)?;
    let shared = format!("notify.{}.{}.{priority}", part(exchange), part(topic));
    checked(match pool {
        Some(pool) => {
            not_empty("pool", pool)?;
            format!("{shared}.{}", part(pool))
        }
        None => shared,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    type Place = (String, String, Option<String>);

    #[test]
    fn a_topic_with_a_dot_is_not_a_server() {
        let dotted = Target::topic("a.b");
        let server = Target::topic("a").server("b");
        assert_eq!(topic_queue(&dotted).unwrap(), "rpc.default.a%2eb");
        assert_eq!(server_queue(&server, "b").unwrap(), "rpc.default.a.b");
        assert_eq!(Route::to(&Destination::Request(server)).unwrap().key, "a.b");
        assert_eq!(Route::to(&Destination::Request(dotted)).unwrap().key, "a%2eb");
    }

    #[test]
    fn only_a_fanout_may_reach_nobody() {
        let mandatory = |target| Route::to(&Destination::Request(target)).unwrap().mandatory;
        assert!(mandatory(Target::topic("t")) && mandatory(Target::topic("t").server("s")));
        assert!(!mandatory(Target::topic("t").fanout()));
    }

    fn any_place() -> impl Strategy<Value = Place> {
        let text = || "[ab.%*#]{1,4}|%2e|\\PC{1,3}";
        (text(), text(), proptest::option::of(text()))
    }

    fn names((exchange, topic, server): &Place) -> Result<(String, (String, String)), Error> {
        let target = Target::topic(topic.clone()).exchange(exchange.clone());
        let (queue, target) = match server {
            Some(server) => (server_queue(&target, server)?, target.server(server.clone())),
            None => (topic_queue(&target)?, target),
        };
        let route = Route::to(&Destination::Request(target))?;
        Ok((queue, (route.exchange, route.key)))
    }

    proptest! {
        #[test]
        fn distinct_places_never_meet(places in prop::collection::vec(any_place(), 1..40)) {
            let mut queues: HashMap<String, Place> = HashMap::new();
            let mut routes: HashMap<(String, String), Place> = HashMap::new();
            for place in places {
                let Ok((queue, route)) = names(&place) else { continue };
                prop_assert!(!route.1.contains(['*', '#']));
                prop_assert_eq!(queues.entry(queue).or_insert_with(|| place.clone()), &place);
                prop_assert_eq!(routes.entry(route).or_insert_with(|| place.clone()), &place);
            }
        }

        #[test]
        fn distinct_notification_queues_never_meet(
            a in any_place(), b in any_place(), first in 0_usize..7, second in 0_usize..7,
        ) {
            let queue = |(exchange, topic, pool): &Place, priority: usize| {
                notification_queue(exchange, topic, Priority::ALL[priority], pool.as_deref()).ok()
            };
            if (&a, first) != (&b, second) && let Some(name) = queue(&a, first) {
                prop_assert_ne!(Some(name), queue(&b, second));
            }
        }

        #[test]
        fn a_queue_belongs_to_its_topic_only(a in any_place(), b in any_place(), priority in 0_usize..7) {
            let target = |place: &Place| Target::topic(place.1.clone()).exchange(place.0.clone());
            let requests = match &a.2 {
                Some(server) => server_queue(&target(&a).server(server.clone()), server),
                None => topic_queue(&target(&a)),
            };
            let events = notification_queue(&a.0, &a.1, Priority::ALL[priority], a.2.as_deref());
            let same = (&a.0, &a.1) == (&b.0, &b.1);
            for queue in [requests, events].into_iter().flatten() {
                prop_assert!(is_queue_of(&queue, &a.0, &a.1));
                prop_assert_eq!(is_queue_of(&queue, &b.0, &b.1), same);
            }
        }

        #[test]
        fn distinct_dead_letters_never_meet(a in any_place(), b in any_place()) {
            let same = (&a.0, &a.1) == (&b.0, &b.1);
            let queue = |place: &Place| dead_letter_queue(&place.0, &place.1).ok();
            prop_assert_eq!(queue(&a) == queue(&b), same);
        }
    }
}
