//! A broker in virtual time, with the habits of RabbitMQ that a client has to live with.
//!
//! - An error closes its channel: what the channel had not confirmed is never heard of again, what it had not
//!   acknowledged goes back to its place, marked as redelivered.
//! - Confirms come in any order, some for many messages at once; a return comes before the confirm of its own message
//!   and tells nothing else. A message is delivered, and may be answered, before it is confirmed.
//! - Expired messages are dropped at the head of a queue only.
//! - A connection learns that the broker is blocked after it has published once more, and from then on nothing that it
//!   sends is read, its farewell included: what was on its way is done afterwards.
//! - Nobody tells the broker that a client has died: its exclusive queues and unsettled messages stay with it until the
//!   broker notices.
//! - A channel that meets a quorum queue for the first time while its leader is away does nothing for 7 s, though there
//!   may be another leader long before; a new channel finds that one at once.
//! - After a crash, acknowledged messages can be there again, and the mark of redelivery can be missing.

mod channel;
mod crash;
mod declare;
mod leader;
mod publish;
mod queue;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use self::channel::Channel;
pub(crate) use self::crash::Crash;
pub(crate) use self::leader::STUCK;
use self::queue::{Queue, Stored, Taker};
use super::frame::{Answer, Done, Message, Request};
use super::random::Random;

/// What the broker asks the world to do.
#[derive(Debug)]
pub(crate) enum Output {
    Send { connection: u64, channel: u16, answer: Answer },
    Later { after: u64, task: Task },
    Fact(Fact),
}

/// What the broker does a little later.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    /// A message is on disk, or refused.
    Safe {
        connection: u64,
        channel: u16,
        tag: u64,
        acknowledged: bool,
    },
    Confirm {
        connection: u64,
        channel: u16,
    },
    /// A channel waits for a leader no longer.
    GoOn {
        connection: u64,
        channel: u16,
    },
}

/// What the broker did with a message of an operation. It goes into the history.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fact {
    Routed { operation: usize, durable: bool },
    Delivered { operation: usize, redelivered: bool },
    Doubled { operation: usize },
    Acknowledged { operation: usize },
    Lost { operation: usize, cause: &'static str },
}

#[derive(Debug)]
struct Exchange {
    kind: &'static str,
    bindings: Vec<(String, u64)>,
}

#[derive(Debug, Default)]
struct Connection {
    channels: BTreeMap<u16, Channel>,
    blocked: bool,
    /// Sent by a blocked client, and not read.
    unread: Vec<(u16, Request)>,
    hung_up: bool,
}

#[derive(Debug)]
pub(crate) struct Broker {
    exchanges: BTreeMap<String, Exchange>,
    /// By number, since names hold chance that is not the seed's.
    queues: BTreeMap<u64, Queue>,
    /// Looked up and never listed, so the order of the map does not matter.
    names: HashMap<String, u64>,
    next_queue: u64,
    connections: BTreeMap<u64, Connection>,
    alarm: bool,
    /// Every queue refuses messages, as one with a length limit does.
    full: bool,
    /// Nobody leads a quorum queue.
    leaderless: bool,
    /// The next message of an operation is taken twice, as from a client that sends again.
    doubles: bool,
    /// How many consumers that acknowledge were started without a limit.
    pub(crate) unlimited: usize,
    /// Acknowledged so lately that a crash may forget it.
    forgettable: Vec<(u64, u64, Stored)>,
    random: Random,
    output: Vec<Output>,
}

impl Broker {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            names: HashMap::new(),
            next_queue: 0,
            connections: BTreeMap::new(),
            alarm: false,
            full: false,
            leaderless: false,
            doubles: false,
            unlimited: 0,
            forgettable: Vec::new(),
            random,
            output: Vec::new(),
        }
    }

    pub(crate) fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    pub(crate) fn accept(&mut self, connection: u64) {
        self.connections.insert(connection, Connection::default());
    }

    /// Reads a frame.
    pub(crate) fn read(&mut self, now: u64, connection: u64, channel: u16, request: Request) {
        let Some(known) = self.connections.get_mut(&connection) else { return };
        if known.blocked {
            known.unread.push((channel, request));
            return;
        }
        match request {
            Request::OpenChannel => {
                known.channels.insert(channel, Channel::default());
                self.done(connection, channel, Done::default());
            }
            Request::CloseConnection => {
                self.done(connection, channel, Done::default());
                self.end_connection(now, connection);
            }
            // A channel that is closed reads on, and does nothing.
            request if known.channels.contains_key(&channel) => {
                if self.keeps_waiting((connection, channel), &request) {
                    return;
                }
                let publishes = matches!(request, Request::Publish { .. });
                if let Err((code, text)) = self.obey(now, connection, channel, request) {
                    self.send(connection, channel, Answer::ChannelClosed { code, text });
                    self.end_channel(now, connection, channel);
                }
                if publishes
                    && self.alarm
                    && let Some(known) = self.connections.get_mut(&connection)
                {
                    known.blocked = true;
                    self.send(connection, 0, Answer::Blocked);
                }
            }
            _ => {}
        }
    }

    fn obey(
        &mut self,
        now: u64,
        connection: u64,
        channel: u16,
        request: Request,
    ) -> Result<(), (u16, String)> {
        let place = (connection, channel);
        let mut done = Done::default();
        match request {
            Request::Publish { message, mandatory } => return self.publish(now, place, &message, mandatory),
            Request::Ack { tag, multiple } => return self.acknowledge(now, place, tag, multiple),
            Request::Requeue { tag } => return self.requeue(now, place, tag),
            Request::ConfirmSelect => self.channel(place).confirms = true,
            Request::Qos { prefetch } => self.channel(place).prefetch = prefetch,
            Request::DeclareExchange { name, kind, passive } => self.declare_exchange(name, kind, passive)?,
            Request::DeclareQueue { name, arguments } => {
                done = self.declare_queue(connection, name, arguments)?;
            }
            Request::Bind { queue, exchange, key } => self.bind(connection, &queue, &exchange, key)?,
            Request::Consume { queue, tag, no_ack } => {
                let number = self.usable(connection, &queue)?;
                let prefetch = match self.channel(place).prefetch {
                    0 => usize::MAX,
                    prefetch => prefetch,
                };
                if !no_ack && prefetch == usize::MAX {
                    self.unlimited += 1;
                }
                self.channel(place).consumers.insert(tag.clone(), number);
                let taker = Taker { connection, channel, tag, no_ack, prefetch, unacknowledged: 0 };
                self.queue(number).takers.push(taker);
                // Before any delivery.
                self.done(connection, channel, done);
                self.hand_out(now, number);
                return Ok(());
            }
            Request::Cancel { tag } => {
                if let Some(number) = self.channel(place).consumers.remove(&tag) {
                    self.remove_takers(now, number, |taker| {
                        (taker.connection, taker.channel) == place && taker.tag == tag
                    });
                }
            }
            Request::CloseChannel => self.end_channel(now, connection, channel),
            Request::OpenChannel | Request::CloseConnection => {}
        }
        self.done(connection, channel, done);
        Ok(())
    }

    /// Hands out what a queue holds, as far as its consumers take it.
    fn hand_out(&mut self, now: u64, number: u64) {
        let mut expired = Vec::new();
        while let Some((taker, stored)) =
            self.queues.get_mut(&number).and_then(|queue| queue.next(now, &mut expired))
        {
            let Taker { connection, channel, tag: consumer, no_ack, .. } = taker;
            let tag = self.channel((connection, channel)).deliver();
            if let Some(operation) = stored.message.operation() {
                let redelivered = stored.redelivered;
                self.output.push(Output::Fact(Fact::Delivered { operation, redelivered }));
            }
            let count = if self.queue(number).quorum { stored.count } else { 0 };
            let (redelivered, message) = (stored.redelivered, Arc::clone(&stored.message));
            if !no_ack {
                let consumer = consumer.clone();
                let one = channel::Unacknowledged { queue: number, consumer, stored };
                self.channel((connection, channel)).unacknowledged.insert(tag, one);
            }
            let answer = Answer::Deliver { consumer, tag, redelivered, count, message };
            self.send(connection, channel, answer);
        }
        expired.iter().for_each(|message| self.lost(message, "expired"));
    }

    fn acknowledge(
        &mut self,
        now: u64,
        place: (u64, u16),
        tag: u64,
        multiple: bool,
    ) -> Result<(), (u16, String)> {
        let settled = self.channel(place).settle(tag, multiple).ok_or_else(|| unknown_tag(tag))?;
        for one in settled {
            self.release(place, &one);
            if let Some(operation) = one.stored.message.operation() {
                self.output.push(Output::Fact(Fact::Acknowledged { operation }));
            }
            self.forgettable.push((now, one.queue, one.stored));
            self.hand_out(now, one.queue);
        }
        self.forgettable.retain(|(since, ..)| now - since < 100);
        Ok(())
    }

    fn requeue(&mut self, now: u64, place: (u64, u16), tag: u64) -> Result<(), (u16, String)> {
        let settled = self.channel(place).settle(tag, false).ok_or_else(|| unknown_tag(tag))?;
        for one in settled {
            self.give_back(place, one, now);
        }
        Ok(())
    }

    fn give_back(&mut self, place: (u64, u16), one: channel::Unacknowledged, now: u64) {
        self.release(place, &one);
        let number = one.queue;
        match self.queues.get_mut(&number) {
            Some(queue) => queue.put_back(one.stored),
            None => self.lost(&one.stored.message, "queue deleted"),
        }
        self.hand_out(now, number);
    }

    fn release(&mut self, (connection, channel): (u64, u16), one: &channel::Unacknowledged) {
        let queue = self.queues.get_mut(&one.queue);
        if let Some(taker) = queue.and_then(|queue| queue.taker(connection, channel, &one.consumer)) {
            taker.unacknowledged -= 1;
        }
    }

    fn end_channel(&mut self, now: u64, connection: u64, channel: u16) {
        let known = self.connections.get_mut(&connection);
        let Some(ended) = known.and_then(|known| known.channels.remove(&channel)) else { return };
        for (tag, number) in ended.consumers {
            self.remove_takers(now, number, |taker| {
                (taker.connection, taker.channel) == (connection, channel) && taker.tag == tag
            });
        }
        for one in ended.unacknowledged.into_values() {
            self.give_back((connection, channel), one, now);
        }
    }

    /// Ends a connection that is closed, or found dead.
    pub(crate) fn end_connection(&mut self, now: u64, connection: u64) {
        let Some(known) = self.connections.get_mut(&connection) else { return };
        if known.blocked {
            // Nobody reads, so nobody sees the end either.
            known.hung_up = true;
            return;
        }
        let channels: Vec<_> = known.channels.keys().copied().collect();
        for channel in channels {
            self.end_channel(now, connection, channel);
        }
        let owned = self.queues.iter().filter(|(_, queue)| queue.owner == Some(connection));
        let owned: Vec<_> = owned.map(|(number, _)| *number).collect();
        for number in owned {
            self.delete(number);
        }
        self.connections.remove(&connection);
    }

    fn remove_takers(&mut self, now: u64, number: u64, leaves: impl Fn(&Taker) -> bool) {
        let Some(queue) = self.queues.get_mut(&number) else { return };
        queue.takers.retain(|taker| !leaves(taker));
        if queue.arguments.auto_delete && queue.takers.is_empty() {
            self.delete(number);
        } else {
            self.hand_out(now, number);
        }
    }

    /// Deletes a queue, and tells its consumers.
    fn delete(&mut self, number: u64) {
        let Some(queue) = self.queues.remove(&number) else { return };
        self.names.remove(&queue.name);
        for exchange in self.exchanges.values_mut() {
            exchange.bindings.retain(|(_, bound)| *bound != number);
        }
        for Taker { connection, channel, tag, .. } in queue.takers {
            self.channel((connection, channel)).consumers.remove(&tag);
            self.send(connection, channel, Answer::Cancelled { consumer: tag });
        }
        for stored in queue.messages.into_values() {
            self.lost(&stored.message, "queue deleted");
        }
    }

    fn done(&mut self, connection: u64, channel: u16, done: Done) {
        self.send(connection, channel, Answer::Done(done));
    }

    fn send(&mut self, connection: u64, channel: u16, answer: Answer) {
        self.output.push(Output::Send { connection, channel, answer });
    }

    fn lost(&mut self, message: &Message, cause: &'static str) {
        if let Some(operation) = message.operation() {
            self.output.push(Output::Fact(Fact::Lost { operation, cause }));
        }
    }

    fn channel(&mut self, (connection, channel): (u64, u16)) -> &mut Channel {
        let connection = self.connections.get_mut(&connection).expect("it was looked up");
        connection.channels.get_mut(&channel).expect("it was looked up")
    }

    fn queue(&mut self, number: u64) -> &mut Queue {
        self.queues.get_mut(&number).expect("it was looked up")
    }
}

fn unknown_tag(tag: u64) -> (u16, String) {
    (406, format!("PRECONDITION_FAILED - unknown delivery tag {tag}"))
}
