//! What is done to a broker.

use super::super::frame::Answer;
use super::{Broker, Fact, Output};

/// How a broker goes away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Crash {
    /// In order: clients are told.
    Stop,
    /// By force: sockets close, and what was not on disk is gone.
    Kill,
    /// By force, and comes back empty.
    Wipe,
}

impl Broker {
    /// What is left when it comes back.
    pub(crate) fn crash(&mut self, crash: Crash) {
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            let answer = match crash {
                Crash::Stop => Answer::ConnectionClosed {
                    code: 320,
                    text: "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
                        .into(),
                },
                Crash::Kill | Crash::Wipe => Answer::HungUp,
            };
            self.send(connection, 0, answer);
        }
        self.take_back_everything(crash);
        self.connections.clear();
        self.alarm = false;
        self.full = false;
        let gone: Vec<_> = self
            .queues
            .iter()
            .filter(|(_, queue)| crash == Crash::Wipe || !queue.arguments.durable)
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.forget_queue(number, if crash == Crash::Wipe { "wiped" } else { "restarted" });
        }
        if crash == Crash::Wipe {
            self.exchanges.clear();
        }
        self.drop_transient();
    }

    fn take_back_everything(&mut self, crash: Crash) {
        for connection in std::mem::take(&mut self.connections).into_values() {
            let channels = connection.channels.into_values();
            for one in channels.flat_map(|channel| channel.unacknowledged.into_values()) {
                match self.queues.get_mut(&one.queue) {
                    Some(queue) => {
                        let place = one.stored.place;
                        queue.put_back(one.stored);
                        // A classic queue writes down late that a message was delivered.
                        let forgets = crash == Crash::Kill && !queue.quorum && self.random.percent(30);
                        if let Some(stored) = queue.messages.get_mut(&place).filter(|_| forgets) {
                            stored.redelivered = false;
                        }
                    }
                    None => self.lost(&one.stored.message, "queue deleted"),
                }
            }
        }
        for (_, number, mut stored) in std::mem::take(&mut self.forgettable) {
            let forgets = crash == Crash::Kill && self.random.percent(50);
            if let Some(queue) = self.queues.get_mut(&number).filter(|_| forgets) {
                stored.redelivered = true;
                queue.messages.insert(stored.place, stored);
            }
        }
        for queue in self.queues.values_mut() {
            queue.takers.clear();
        }
    }

    fn forget_queue(&mut self, number: u64, cause: &'static str) {
        if let Some(queue) = self.queues.remove(&number) {
            self.names.remove(&queue.name);
            for exchange in self.exchanges.values_mut() {
                exchange.bindings.retain(|(_, bound)| *bound != number);
            }
            for stored in queue.messages.into_values() {
                self.lost(&stored.message, cause);
            }
        }
    }

    fn drop_transient(&mut self) {
        let mut lost = Vec::new();
        for queue in self.queues.values_mut().filter(|queue| !queue.quorum) {
            queue.messages.retain(|_, stored| {
                let stays = stored.message.is_persistent();
                if !stays {
                    lost.extend(stored.message.operation());
                }
                stays
            });
        }
        let lost = lost.into_iter().map(|operation| Fact::Lost { operation, cause: "restarted" });
        self.output.extend(lost.map(Output::Fact));
    }

    /// Closes every connection with a word, as an administrator does.
    pub(crate) fn close_connections(&mut self, now: u64) {
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            let text = "CONNECTION_FORCED - closed by management".to_owned();
            self.send(connection, 0, Answer::ConnectionClosed { code: 320, text });
            self.end_connection(now, connection);
        }
    }

    pub(crate) fn raise_alarm(&mut self) {
        self.alarm = true;
    }

    pub(crate) fn lift_alarm(&mut self, now: u64) {
        self.alarm = false;
        let blocked = self.connections.iter().filter(|(_, connection)| connection.blocked);
        let blocked: Vec<_> = blocked.map(|(number, _)| *number).collect();
        for number in blocked {
            let Some(connection) = self.connections.get_mut(&number) else { continue };
            connection.blocked = false;
            let (unread, hung_up) = (std::mem::take(&mut connection.unread), connection.hung_up);
            self.send(number, 0, Answer::Unblocked);
            for (channel, request) in unread {
                self.read(now, number, channel, request);
            }
            if hung_up {
                self.end_connection(now, number);
            }
        }
    }

    pub(crate) const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Takes the next message of an operation twice.
    pub(crate) const fn double_next(&mut self) {
        self.doubles = true;
    }

    /// Deletes the `which`-th of the queues whose name starts so.
    pub(crate) fn delete_queue(&mut self, prefix: &str, which: usize) {
        let named = self.queues.iter().filter(|(_, queue)| queue.name.starts_with(prefix));
        let named: Vec<_> = named.map(|(number, _)| *number).collect();
        if !named.is_empty() {
            self.delete(named[which % named.len()]);
        }
    }

    pub(crate) fn delete_exchanges(&mut self) {
        self.exchanges.clear();
    }

    /// Which operations have a message in a durable queue, or on its way out of one; and in which.
    pub(crate) fn kept(&self) -> Vec<(usize, &str)> {
        let queued = self.queues.values().flat_map(|queue| {
            queue.messages.values().map(move |stored| (stored.message.operation(), queue.name.as_str()))
        });
        let out = self
            .connections
            .values()
            .flat_map(|connection| connection.channels.values())
            .flat_map(|channel| channel.unacknowledged.values())
            .filter_map(|one| {
                let queue = self.queues.get(&one.queue)?;
                Some((one.stored.message.operation(), queue.name.as_str()))
            });
        queued.chain(out).filter_map(|(operation, queue)| Some((operation?, queue))).collect()
    }
}
