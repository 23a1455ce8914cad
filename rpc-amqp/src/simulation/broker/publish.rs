//! Taking a message in.

use std::sync::Arc;

use super::super::frame::{Answer, Message};
use super::{Broker, Fact, Output, Task};

impl Broker {
    pub(super) fn publish(
        &mut self,
        now: u64,
        (connection, channel): (u64, u16),
        message: &Arc<Message>,
        mandatory: bool,
    ) -> Result<(), (u16, String)> {
        let queues = self.route(message)?;
        let place = (connection, channel);
        let tag = self.channel(place).confirms.then(|| self.channel(place).publish());
        if queues.is_empty() && mandatory {
            self.send(connection, channel, Answer::Return { message: Arc::clone(message) });
        }
        let refused = self.full && !queues.is_empty();
        let mut slow = false;
        if !refused {
            for number in queues {
                slow |= self.enqueue(now, number, message);
            }
        }
        if let Some(tag) = tag {
            // To disk or to a majority takes its time, the rest is confirmed when the broker comes to it.
            let after = if slow { self.random.below(60) } else { self.random.below(3) };
            let task = Task::Safe { connection, channel, tag, acknowledged: !refused };
            self.output.push(Output::Later { after, task });
        }
        Ok(())
    }

    pub(super) fn route(&self, message: &Message) -> Result<Vec<u64>, (u16, String)> {
        if message.exchange.is_empty() {
            return Ok(self.names.get(&message.key).copied().into_iter().collect());
        }
        let Some(exchange) = self.exchanges.get(&message.exchange) else {
            return Err((404, format!("NOT_FOUND - no exchange '{}'", message.exchange)));
        };
        let takes = |key: &str| exchange.kind == "fanout" || key == message.key;
        let mut queues: Vec<_> =
            exchange.bindings.iter().filter(|(key, _)| takes(key)).map(|(_, queue)| *queue).collect();
        queues.sort_unstable();
        queues.dedup();
        Ok(queues)
    }

    /// Whether it takes time until the message is safe.
    fn enqueue(&mut self, now: u64, number: u64, message: &Arc<Message>) -> bool {
        let operation = message.operation();
        let doubled = operation.is_some() && std::mem::take(&mut self.doubles);
        let queue = self.queue(number);
        queue.push(Arc::clone(message), now);
        if doubled {
            queue.push(Arc::clone(message), now);
        }
        let slow = queue.quorum || (queue.arguments.durable && message.is_persistent());
        let durable = queue.arguments.durable;
        if let Some(operation) = operation {
            self.output.push(Output::Fact(Fact::Routed { operation, durable }));
            if doubled {
                self.output.push(Output::Fact(Fact::Doubled { operation }));
            }
        }
        self.hand_out(now, number);
        slow
    }

    /// Does what was put off.
    pub(crate) fn perform(&mut self, now: u64, task: Task) {
        let (Task::Safe { connection, channel, .. }
        | Task::Confirm { connection, channel }
        | Task::GoOn { connection, channel }) = task;
        let known = self.connections.get_mut(&connection);
        let Some(known) = known.and_then(|known| known.channels.get_mut(&channel)) else { return };
        match task {
            Task::Safe { tag, acknowledged, .. } => {
                known.is_safe(tag, acknowledged);
                let after = self.random.below(4);
                let task = Task::Confirm { connection, channel };
                self.output.push(Output::Later { after, task });
            }
            Task::GoOn { .. } => self.go_on(now, connection, channel),
            Task::Confirm { .. } => {
                if known.has_news() {
                    for answer in known.confirms(&mut self.random) {
                        self.send(connection, channel, answer);
                    }
                }
            }
        }
    }
}
