//! Exchanges, queues and the ways between them.

use super::super::frame::{Done, QueueArguments};
use super::queue::Queue;
use super::{Broker, Exchange};

impl Broker {
    pub(super) fn declare_exchange(
        &mut self,
        name: String,
        kind: &'static str,
        passive: bool,
    ) -> Result<(), (u16, String)> {
        match self.exchanges.get(&name) {
            Some(known) if passive || known.kind == kind => Ok(()),
            Some(_) => Err((406, format!("PRECONDITION_FAILED - inequivalent arg 'type' for '{name}'"))),
            None if passive => Err((404, format!("NOT_FOUND - no exchange '{name}'"))),
            None => {
                self.exchanges.insert(name, Exchange { kind, bindings: Vec::new() });
                Ok(())
            }
        }
    }

    pub(super) fn declare_queue(
        &mut self,
        connection: u64,
        name: String,
        arguments: QueueArguments,
    ) -> Result<Done, (u16, String)> {
        if !self.names.contains_key(&name) && !arguments.passive {
            let owner = arguments.exclusive.then_some(connection);
            let number = self.next_queue;
            self.next_queue += 1;
            self.names.insert(name.clone(), number);
            self.queues.insert(number, Queue::new(name, arguments, owner));
            return Ok(Done::default());
        }
        let number = self.usable(connection, &name)?;
        let queue = self.queue(number);
        let known = &queue.arguments;
        let is_same = (known.durable, known.exclusive, known.auto_delete, &known.table)
            == (arguments.durable, arguments.exclusive, arguments.auto_delete, &arguments.table);
        if !arguments.passive && !is_same {
            return Err((406, format!("PRECONDITION_FAILED - inequivalent arg for queue '{name}'")));
        }
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Ok(Done { messages: count(queue.messages.len()), consumers: count(queue.takers.len()) })
    }

    pub(super) fn bind(
        &mut self,
        connection: u64,
        queue: &str,
        exchange: &str,
        key: String,
    ) -> Result<(), (u16, String)> {
        let number = self.usable(connection, queue)?;
        let Some(known) = self.exchanges.get_mut(exchange) else {
            return Err((404, format!("NOT_FOUND - no exchange '{exchange}'")));
        };
        if !known.bindings.contains(&(key.clone(), number)) {
            known.bindings.push((key, number));
        }
        Ok(())
    }

    /// The number of a queue that this connection may use.
    pub(super) fn usable(&mut self, connection: u64, name: &str) -> Result<u64, (u16, String)> {
        let Some(&number) = self.names.get(name) else {
            return Err((404, format!("NOT_FOUND - no queue '{name}'")));
        };
        match self.queue(number).owner {
            Some(owner) if owner != connection => {
                Err((405, format!("RESOURCE_LOCKED - cannot obtain exclusive access to queue '{name}'")))
            }
            _ => Ok(number),
        }
    }
}
