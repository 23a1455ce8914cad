//! The client's end of a connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::task::Waker;

use lapin::protocol::AMQPError;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{ErrorKind, Event};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::connection::{Confirmation, Delivery, Queued, Returned};
use crate::link::Purpose;
use crate::simulation::frame::{Answer, Done, Message, Request};
use crate::simulation::random::Random;

/// Whoever waits for an answer.
pub(crate) type Waiting<T> = oneshot::Sender<lapin::Result<T>>;

pub(crate) struct End {
    pub(crate) process: usize,
    pub(crate) purpose: Purpose,
    /// When the last frame of a channel arrives, upwards and downwards.
    pub(super) arrivals: BTreeMap<(u16, bool), u64>,
    /// What the client sends is lost.
    pub(super) severed: bool,
    /// What hangs in a network that has stopped.
    pub(super) held_up: Option<Vec<(u16, Request)>>,
    pub(super) held_down: Option<Vec<(u16, Answer)>>,
    pub(super) hung_up: bool,
    /// The library's thread has died, and with it the socket. Nobody was told, and the rest looks as if it lived.
    pub(super) is_dead: bool,
    /// Cancelled when the library has let the socket go.
    pub(super) gone: CancellationToken,
    error: Option<lapin::Error>,
    blocked: bool,
    /// Handed to the library, and not written because the broker is blocked.
    kept: Vec<(u16, Request, Waiting<()>)>,
    channels: BTreeMap<u16, Channel>,
    next_channel: u16,
    /// How many messages and settlements were handed over.
    queued: u64,
    events: Option<mpsc::UnboundedSender<Event>>,
}

#[derive(Default)]
struct Channel {
    error: Option<lapin::Error>,
    requests: VecDeque<Waiting<Done>>,
    next_publish: u64,
    unconfirmed: BTreeSet<u64>,
    confirmed: Vec<Confirmation>,
    /// Whoever waits for confirms.
    waker: Option<Waker>,
    returns: VecDeque<Returned>,
    consumers: BTreeMap<String, mpsc::UnboundedSender<lapin::Result<Delivery>>>,
}

impl End {
    pub(super) fn new(process: usize, purpose: Purpose) -> Self {
        Self {
            process,
            purpose,
            arrivals: BTreeMap::new(),
            severed: false,
            held_up: None,
            held_down: None,
            hung_up: false,
            is_dead: false,
            gone: CancellationToken::new(),
            error: None,
            blocked: false,
            kept: Vec::new(),
            channels: BTreeMap::new(),
            next_channel: 0,
            queued: 0,
            events: None,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.error.is_none()
    }

    pub(crate) fn error(&self) -> Option<lapin::Error> {
        self.error.clone()
    }

    pub(crate) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(super) fn keep(&mut self, channel: u16, request: Request, written: Waiting<()>) {
        self.kept.push((channel, request, written));
    }

    pub(super) fn unblock(&mut self) -> Vec<(u16, Request, Waiting<()>)> {
        self.blocked = false;
        self.tell(Event::ConnectionUnblocked);
        std::mem::take(&mut self.kept)
    }

    pub(crate) fn listen(&mut self, events: mpsc::UnboundedSender<Event>) {
        self.events = Some(events);
    }

    pub(crate) fn add_channel(&mut self) -> u16 {
        self.next_channel += 1;
        self.channels.insert(self.next_channel, Channel::default());
        self.next_channel
    }

    /// Why nothing can be sent on a channel. Channel 0 is the connection's own.
    pub(crate) fn channel_error(&self, channel: u16) -> Option<lapin::Error> {
        match self.channels.get(&channel) {
            Some(known) => self.error.clone().or_else(|| known.error.clone()),
            None if channel == 0 => self.error.clone(),
            None => Some(closed()),
        }
    }

    pub(crate) fn expect(&mut self, channel: u16, waiting: Waiting<Done>) {
        self.channels.entry(channel).or_default().requests.push_back(waiting);
    }

    /// Takes the tag of the next publish. Positions count what is not answered here.
    pub(crate) fn publish(&mut self, channel: u16) -> Queued {
        let known = self.channels.entry(channel).or_default();
        known.next_publish += 1;
        let tag = known.next_publish;
        known.unconfirmed.insert(tag);
        Queued { tag, position: self.next_position() }
    }

    pub(crate) const fn next_position(&mut self) -> u64 {
        self.queued += 1;
        self.queued
    }

    /// How much of what is not answered was written.
    pub(crate) fn position(&self) -> u64 {
        let counts = |request: &Request| {
            matches!(request, Request::Publish { .. } | Request::Ack { .. } | Request::Requeue { .. })
        };
        self.queued - self.kept.iter().filter(|(_, request, _)| counts(request)).count() as u64
    }

    /// All confirms that have come, or why there will be none.
    pub(crate) fn take_confirmed(
        &mut self,
        channel: u16,
        waker: &Waker,
    ) -> Option<lapin::Result<Vec<Confirmation>>> {
        let error = self.error.clone();
        let Some(known) = self.channels.get_mut(&channel) else { return Some(Err(closed())) };
        if !known.confirmed.is_empty() {
            return Some(Ok(std::mem::take(&mut known.confirmed)));
        }
        if let Some(error) = known.error.clone().or(error) {
            return Some(Err(error));
        }
        known.waker = Some(waker.clone());
        None
    }

    pub(crate) fn consume(
        &mut self,
        channel: u16,
        tag: String,
        deliveries: mpsc::UnboundedSender<lapin::Result<Delivery>>,
    ) {
        self.channels.entry(channel).or_default().consumers.insert(tag, deliveries);
    }

    pub(crate) fn forget_consumer(&mut self, channel: u16, tag: &str) {
        if let Some(known) = self.channels.get_mut(&channel) {
            known.consumers.remove(tag);
        }
    }

    pub(crate) fn forget_channel(&mut self, channel: u16) {
        if let Some(mut known) = self.channels.remove(&channel) {
            known.fail(&closed(), false);
        }
    }

    /// Takes an answer in, as the library does.
    pub(super) fn take(&mut self, channel: u16, answer: Answer, random: &mut Random) {
        if matches!(answer, Answer::Blocked) {
            self.blocked = true;
            self.tell(Event::ConnectionBlocked("low on disk".to_owned()));
            return;
        }
        let Some(known) = self.channels.get_mut(&channel) else { return };
        match answer {
            Answer::Done(done) => {
                if let Some(waiting) = known.requests.pop_front() {
                    drop(waiting.send(Ok(done)));
                }
            }
            Answer::Confirm { tag, multiple, acknowledged } => {
                known.confirm(tag, multiple, acknowledged, random);
            }
            Answer::Return { message } => known.returns.push_back(returned(&message)),
            Answer::Deliver { consumer, tag, redelivered, count, message } => {
                if let Some(deliveries) = known.consumers.get(&consumer) {
                    drop(deliveries.send(Ok(delivery(&message, tag, redelivered, count))));
                }
            }
            // The stream ends without a word.
            Answer::Cancelled { consumer } => drop(known.consumers.remove(&consumer)),
            Answer::ChannelClosed { code, text } => known.fail(&refused(code, &text), true),
            Answer::ConnectionClosed { .. } | Answer::HungUp | Answer::Blocked | Answer::Unblocked => {}
        }
    }

    pub(super) fn fail(&mut self, error: &lapin::Error) {
        if self.error.is_some() {
            return;
        }
        self.error = Some(error.clone());
        for channel in self.channels.values_mut() {
            channel.fail(error, true);
        }
        for (_, _, written) in self.kept.drain(..) {
            drop(written.send(Err(error.clone())));
        }
        self.tell(Event::Error(error.clone()));
        self.events = None;
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            drop(events.send(event));
        }
    }
}

impl Channel {
    /// Confirms of one frame come in any order here, which a client may make of them, and each has the oldest return,
    /// whoever's it is.
    fn confirm(&mut self, tag: u64, multiple: bool, acknowledged: bool, random: &mut Random) {
        let mut tags: Vec<_> =
            if multiple { self.unconfirmed.range(..=tag).copied().collect() } else { vec![tag] };
        random.shuffle(&mut tags);
        for tag in tags {
            if self.unconfirmed.remove(&tag) {
                let returned = self.returns.pop_front().map(Box::new);
                self.confirmed.push(Confirmation { tag, acknowledged, returned });
            }
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn fail(&mut self, error: &lapin::Error, tells_consumers: bool) {
        self.error.get_or_insert_with(|| error.clone());
        for waiting in self.requests.drain(..) {
            drop(waiting.send(Err(error.clone())));
        }
        self.wake();
        for (_, deliveries) in std::mem::take(&mut self.consumers) {
            if tells_consumers {
                drop(deliveries.send(Err(error.clone())));
            }
        }
    }
}

fn delivery(message: &Message, tag: u64, redelivered: bool, count: u32) -> Delivery {
    let (properties, body) = (message.properties.clone(), message.body.clone());
    let mut delivery = Delivery { tag, redelivered, properties, body };
    if count > 0 {
        let mut headers: FieldTable = message.properties.headers().clone().unwrap_or_default();
        headers.insert(short("x-delivery-count"), AMQPValue::LongLongInt(count.into()));
        delivery.properties = delivery.properties.with_headers(headers);
    }
    delivery
}

fn returned(message: &Message) -> Returned {
    let Message { exchange, key, properties, body } = message;
    let (properties, body) = (properties.clone(), body.clone());
    Returned { exchange: exchange.clone(), key: key.clone(), properties, body }
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).expect("it came as one")
}

pub(super) fn refused(code: u16, text: &str) -> lapin::Error {
    AMQPError::from_id(code, short(text)).map_or_else(aborted, |error| ErrorKind::ProtocolError(error).into())
}

pub(super) fn aborted() -> lapin::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted).into()
}

pub(super) fn silent() -> lapin::Error {
    ErrorKind::MissingHeartbeatError.into()
}

fn closed() -> lapin::Error {
    ErrorKind::InvalidChannelState(lapin::ChannelState::Closed, "simulated").into()
}
