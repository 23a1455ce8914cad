//! What a consumer among Python peers declares, and what it consumes.

#[cfg(test)]
mod tests;

use rpc_core::transport::{Source, Subscription};
use rpc_core::{Code, Error, Executed, Phase, Position, ReplyAddress, Route as TargetRoute, Target};

use super::super::declaration::Declaration;
use super::super::name::{checked, not_empty};
use super::super::plan::{Plan, PlannedQueue};
use super::{Oslo, name};
use crate::queue_manager::OwnName;

impl Oslo {
    /// The plan for `source`. Its queues keep their names for as long as its consumer has the name `own`, so that what comes
    /// while a link is away waits in them.
    pub(in crate::topology) fn plan(&self, source: &Source, own: &OwnName) -> Result<Plan, Error> {
        let mut plan = match source {
            Source::Requests(target) => self.requests(target, own)?,
            Source::Replies(address) => self.replies(address),
            Source::Notifications(subscription) => self.subscribed(subscription)?,
        };
        for queue in &mut plan.queues {
            // Brokers refuse consumers who ask for it at a quorum queue or a stream.
            queue.cancels_on_failover =
                self.cancels_on_failover && plan.declarations.iter().any(|it| it.is_classic(&queue.name));
        }
        Ok(plan)
    }

    fn requests(&self, target: &Target, own: &OwnName) -> Result<Plan, Error> {
        let is_fanout = target.route() == TargetRoute::Fanout;
        let (exchange, exchange_declaration, queue, queue_declaration) = if is_fanout {
            let exchange = name::fanout(target.topic_name())?;
            let declared = self.fanout_exchange(exchange.clone());
            let (queue, queue_declaration) = self.fanout_queue(&exchange, own)?;
            (exchange, declared, queue, queue_declaration)
        } else {
            let exchange = name::exchange(self.exchange(target.exchange_name()))?;
            let queue = name::requests(target)?;
            let declared = self.topic_exchange(exchange.clone());
            (exchange, declared, queue.clone(), self.shared_queue(queue))
        };
        let key = name::requests(target)?;
        let planned = PlannedQueue::new(queue.clone(), target.exchange_name(), target.topic_name());
        let is_stream = is_fanout && self.is_stream_fanout;
        let is_own = is_fanout && !is_stream;
        let planned = PlannedQueue {
            // Python begins with the last batch that is there, which may hold fanouts from before the start.
            stream: is_stream.then_some(Position::Next),
            // A name that comes again is kept for whoever has it next.
            ends_with_consumer: is_own && self.queue_manager.is_none(),
            is_sole: is_own && self.queue_manager.is_some(),
            ..planned
        };
        Ok(Plan {
            declarations: vec![
                exchange_declaration,
                queue_declaration,
                Declaration::Binding { queue, exchange, key },
            ],
            queues: vec![planned],
            replies: false,
        })
    }

    /// Where the fanouts of a topic wait for a server, or for all of them.
    fn fanout_queue(&self, exchange: &str, own: &OwnName) -> Result<(String, Declaration), Error> {
        if self.is_stream_fanout {
            return Ok((exchange.to_owned(), self.fanout_stream(exchange.to_owned())));
        }
        let queue = checked(format!("{exchange}_{own}"))?;
        Ok((queue.clone(), self.transient_queue(queue)))
    }

    fn replies(&self, address: &ReplyAddress) -> Plan {
        let name = address.as_str().to_owned();
        let is_sole = self.queue_manager.is_some();
        Plan {
            declarations: vec![self.transient_queue(name.clone())],
            queues: vec![PlannedQueue { is_sole, ..PlannedQueue::new(name, "", "") }],
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
