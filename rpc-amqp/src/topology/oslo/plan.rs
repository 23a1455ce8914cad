//! What a consumer among Python peers declares, and what it consumes.

use rpc_core::transport::{Source, Subscription};
use rpc_core::{Code, Error, Executed, MessageId, Phase, ReplyAddress, Route as TargetRoute, Target};

use super::super::declaration::Declaration;
use super::super::name::{checked, not_empty};
use super::super::plan::{Plan, PlannedQueue};
use super::{Oslo, name};

impl Oslo {
    /// The plan for `source`. Its queues keep their names for as long as `consumer` lives, so that what comes while a link is
    /// away waits in them.
    pub(in crate::topology) fn plan(&self, source: &Source, consumer: &MessageId) -> Result<Plan, Error> {
        match source {
            Source::Requests(target) => self.requests(target, consumer),
            Source::Replies(address) => Ok(self.replies(address)),
            Source::Notifications(subscription) => self.subscribed(subscription),
        }
    }

    fn requests(&self, target: &Target, consumer: &MessageId) -> Result<Plan, Error> {
        let is_fanout = target.route() == TargetRoute::Fanout;
        let (exchange, exchange_declaration, queue, queue_declaration) = if is_fanout {
            let exchange = name::fanout(target.topic_name())?;
            let queue = checked(format!("{exchange}_{consumer}"))?;
            let declared = self.fanout_exchange(exchange.clone());
            (exchange, declared, queue.clone(), self.transient_queue(queue))
        } else {
            let exchange = name::exchange(self.exchange(target.exchange_name()))?;
            let queue = name::requests(target)?;
            let declared = self.topic_exchange(exchange.clone());
            (exchange, declared, queue.clone(), self.shared_queue(queue))
        };
        let key = name::requests(target)?;
        let planned = PlannedQueue::new(queue.clone(), target.exchange_name(), target.topic_name());
        Ok(Plan {
            declarations: vec![
                exchange_declaration,
                queue_declaration,
                Declaration::Binding { queue, exchange, key },
            ],
            queues: vec![PlannedQueue { ends_with_consumer: is_fanout, ..planned }],
            replies: false,
        })
    }

    fn replies(&self, address: &ReplyAddress) -> Plan {
        let name = address.as_str().to_owned();
        Plan {
            declarations: vec![self.transient_queue(name.clone())],
            queues: vec![PlannedQueue::new(name, "", "")],
            replies: true,
        }
    }

    fn subscribed(&self, subscription: &Subscription) -> Result<Plan, Error> {
        let Subscription { exchange, topics, priorities, pool, history, .. } = subscription;
        if history.is_some() {
            let message =
                "events of Python peers have no history: subscribe without one, or use the native wire";
            return Err(Error::new(Code::InvalidArguments, message)
                .with_executed(Executed::NotSent)
                .with_phase(Phase::Connect));
        }
        let exchange_name = name::exchange(self.exchange(exchange))?;
        let mut declarations = vec![self.topic_exchange(exchange_name.clone())];
        let mut queues: Vec<PlannedQueue> = Vec::new();
        for (topic, priority) in
            topics.iter().flat_map(|topic| priorities.iter().map(move |priority| (topic, *priority)))
        {
            let key = name::notifications(topic, priority)?;
            let queue = match pool {
                Some(pool) => {
                    not_empty("pool", pool)?;
                    checked(pool.clone())?
                }
                None => key.clone(),
            };
            if !queues.iter().any(|planned| planned.name == queue) {
                declarations.push(self.shared_queue(queue.clone()));
                queues.push(PlannedQueue::new(queue.clone(), exchange, topic));
            }
            let binding = Declaration::Binding { queue, exchange: exchange_name.clone(), key };
            if !declarations.contains(&binding) {
                declarations.push(binding);
            }
        }
        not_empty("list of topics or priorities", if queues.is_empty() { "" } else { "some" })?;
        Ok(Plan { declarations, queues, replies: false })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rpc_core::Priority;

    use super::*;
    use crate::settings::{OsloOptions, QueueType};

    fn wanted(options: &OsloOptions, queue_type: QueueType, source: &Source) -> Vec<String> {
        let plan = Oslo::new(options, queue_type).plan(source, &consumer()).unwrap();
        plan.declarations.iter().map(Declaration::wanted).collect()
    }

    fn consumer() -> MessageId {
        MessageId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    fn subscription(pool: Option<&str>) -> Source {
        let mut subscription = Subscription::new(vec!["n".to_owned(), "n".to_owned()]);
        subscription.priorities = vec![Priority::Info, Priority::Error];
        subscription.pool = pool.map(str::to_owned);
        Source::Notifications(subscription)
    }

    /// DV-16, DV-17, DV-37: names, types, durability and arguments when peers are told nothing.
    #[test]
    fn dv_17_the_defaults_are_pythons() {
        let wanted = |source: &Source| wanted(&OsloOptions::default(), QueueType::Classic, source);
        let target = Target::topic("t").server("s");
        assert_eq!(
            wanted(&Source::Requests(target.clone().any())),
            [
                r#"transient topic exchange "openstack""#,
                r#"transient queue "t""#,
                r#"binding of queue "t" to exchange "openstack" by "t""#
            ]
        );
        assert_eq!(
            wanted(&Source::Requests(target.clone().exchange("e"))),
            [
                r#"transient topic exchange "e""#,
                r#"transient queue "t.s""#,
                r#"binding of queue "t.s" to exchange "e" by "t.s""#
            ]
        );
        let fanout = r#""t_fanout_0123456789abcdef0123456789abcdef""#;
        assert_eq!(
            wanted(&Source::Requests(target.exchange("e").fanout())),
            [
                r#"transient auto-delete fanout exchange "t_fanout""#.to_owned(),
                format!("transient queue {fanout}, x-expires=1800000"),
                format!(r#"binding of queue {fanout} to exchange "t_fanout" by "t""#)
            ]
        );
        assert_eq!(
            wanted(&Source::Replies(ReplyAddress::checked_by_transport("reply_1"))),
            [r#"transient queue "reply_1", x-expires=1800000"#]
        );
        assert_eq!(
            wanted(&subscription(None)),
            [
                r#"transient topic exchange "openstack""#,
                r#"transient queue "n.info""#,
                r#"binding of queue "n.info" to exchange "openstack" by "n.info""#,
                r#"transient queue "n.error""#,
                r#"binding of queue "n.error" to exchange "openstack" by "n.error""#
            ]
        );
        assert_eq!(
            wanted(&subscription(Some("p")))[1..],
            [
                r#"transient queue "p""#,
                r#"binding of queue "p" to exchange "openstack" by "n.info""#,
                r#"binding of queue "p" to exchange "openstack" by "n.error""#
            ]
        );
    }

    /// DV-18: durable, auto-delete, and no time to live. DV-19, DV-20: quorum.
    #[test]
    fn dv_18_19_20_the_options_are_pythons() {
        let requests = Source::Requests(Target::topic("t"));
        let fanout = Source::Requests(Target::topic("t").fanout());
        let start = |source: &Source, options: &OsloOptions, queue_type| {
            let wanted = wanted(options, queue_type, source);
            (wanted[0].clone(), wanted[1].clone())
        };
        let default = OsloOptions::default;
        let pair = |exchange: &str, queue: &str| (exchange.to_owned(), queue.to_owned());

        let options = OsloOptions { durable: true, ..default() };
        assert_eq!(
            start(&requests, &options, QueueType::Classic),
            pair(r#"durable topic exchange "openstack""#, r#"durable queue "t""#)
        );
        assert!(start(&fanout, &options, QueueType::Classic).0.starts_with("transient auto-delete"));
        let options = OsloOptions { auto_delete: true, ..default() };
        assert_eq!(
            start(&requests, &options, QueueType::Classic),
            pair(r#"transient auto-delete topic exchange "openstack""#, r#"transient auto-delete queue "t""#)
        );
        assert_eq!(
            start(&requests, &default(), QueueType::Quorum),
            pair(r#"durable topic exchange "openstack""#, r#"durable queue "t", x-queue-type=quorum"#)
        );
        let (exchange, queue) =
            start(&fanout, &OsloOptions { transient_quorum: true, ..default() }, QueueType::Classic);
        assert_eq!(exchange, r#"durable auto-delete fanout exchange "t_fanout""#);
        assert!(queue.ends_with(", x-queue-type=quorum, x-expires=1800000"), "{queue}");
        let options = OsloOptions { transient_queues_ttl: Duration::ZERO, ..default() };
        assert!(!start(&fanout, &options, QueueType::Classic).1.contains("x-expires"));
        let options = OsloOptions { transient_queues_ttl: Duration::from_millis(2_900), ..default() };
        assert!(start(&fanout, &options, QueueType::Classic).1.ends_with("x-expires=2000"));
    }

    #[test]
    fn what_is_of_one_process_is_made_even_when_the_rest_is_only_looked_for() {
        let options = OsloOptions { transient_queues_ttl: Duration::ZERO, ..OsloOptions::default() };
        let oslo = Oslo::new(&options, QueueType::Classic);
        let shared = |source: Source| {
            let declarations = oslo.plan(&source, &consumer()).unwrap().declarations;
            declarations.iter().map(|it| it.is_shared(&declarations)).collect::<Vec<_>>()
        };
        assert_eq!(shared(Source::Requests(Target::topic("t"))), [true, true, true]);
        assert_eq!(shared(Source::Requests(Target::topic("t").fanout())), [false, false, false]);
        assert_eq!(shared(Source::Replies(ReplyAddress::checked_by_transport("reply_1"))), [false]);
    }

    /// DV-24.
    #[test]
    fn dv_24_only_the_queue_of_fanouts_goes_with_its_consumer() {
        let oslo = Oslo::new(&OsloOptions::default(), QueueType::Classic);
        let ends = |source: Source| oslo.plan(&source, &consumer()).unwrap().queues[0].ends_with_consumer;
        let target = Target::topic("t").server("s");
        assert!(ends(Source::Requests(target.clone().fanout())));
        assert!(!ends(Source::Requests(target.clone())) && !ends(Source::Requests(target.any())));
        assert!(!ends(Source::Replies(ReplyAddress::checked_by_transport("reply_1"))));
        assert!(!ends(subscription(Some("p"))));
    }
}
