//! What this side knows of a connection: no task, no clock, no socket.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::task::Waker;

use amq_protocol::protocol::basic::AMQPMethod as Basic;
use amq_protocol::protocol::channel::{self, AMQPMethod as OfChannel};
use amq_protocol::protocol::connection::{self, AMQPMethod as OfConnection};
use amq_protocol::protocol::{AMQPClass, AMQPError, parse_class};
use lapin::types::ShortString;
use lapin::{ConnectionState, ErrorKind, Event};
use tokio::sync::mpsc;

use super::content::What;
use super::fields::Fields;
use super::inbox::{Raw, unreadable};
use super::known::{Answer, Known, Waiting, closed};
use super::outbox::Outbox;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// Class and method of what comes with every message.
const DELIVER: u32 = 60 << 16 | 60;
const ACK: u32 = 60 << 16 | 80;
const NACK: u32 = 60 << 16 | 120;

/// What this side knows of a connection.
#[derive(Debug)]
pub(super) struct State {
    pub(super) outbox: Outbox,
    channels: BTreeMap<u16, Known>,
    last_channel: u16,
    channel_max: u16,
    error: Option<lapin::Error>,
    /// Why the broker reads nothing for now.
    blocked: Option<String>,
    events: Option<mpsc::UnboundedSender<Event>>,
    /// How many octets the socket has taken.
    written: u64,
    /// Whoever waits until it has taken so many.
    writers: Vec<(u64, Waker)>,
    /// Whoever waits for the broker's farewell.
    leaving: Vec<Waiting>,
}

impl State {
    pub(super) const fn new(outbox: Outbox, channel_max: u16, written: u64) -> Self {
        Self {
            outbox,
            channels: BTreeMap::new(),
            last_channel: 0,
            channel_max,
            error: None,
            blocked: None,
            events: None,
            written,
            writers: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Why the connection is over, if it is.
    pub(super) const fn error(&self) -> Option<&lapin::Error> {
        self.error.as_ref()
    }

    /// Whether the broker reads nothing for now.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    pub(super) fn listen(&mut self, events: mpsc::UnboundedSender<Event>) {
        match &self.error {
            Some(error) => drop(events.send(Event::Error(error.clone()))),
            None => self.events = Some(events),
        }
        // Nobody may have listened then.
        if let Some(reason) = &self.blocked {
            self.tell(Event::ConnectionBlocked(reason.clone()));
        }
    }

    /// A channel of which nobody has told the broker yet.
    pub(super) fn add_channel(&mut self) -> lapin::Result<u16> {
        self.usable()?;
        for _ in 0..self.channel_max {
            self.last_channel = if self.last_channel >= self.channel_max { 1 } else { self.last_channel + 1 };
            if let Entry::Vacant(entry) = self.channels.entry(self.last_channel) {
                entry.insert(Known::default());
                return Ok(self.last_channel);
            }
        }
        Err(ErrorKind::ChannelsLimitReached.into())
    }

    /// The channel, and where to put what is sent on it.
    pub(super) fn channel(&mut self, number: u16) -> lapin::Result<(&mut Known, &mut Outbox)> {
        let known = self.channels.get_mut(&number).ok_or_else(closed)?;
        known.usable()?;
        Ok((known, &mut self.outbox))
    }

    /// As [`channel`](Self::channel), whatever its state.
    pub(super) fn known(&mut self, number: u16) -> Option<&mut Known> {
        self.channels.get_mut(&number)
    }

    /// Tells the broker that a channel ends.
    pub(super) fn close_channel(
        &mut self,
        number: u16,
        reply_code: u16,
        reply_text: ShortString,
    ) -> lapin::Result<&mut Known> {
        let (known, outbox) = self.channel(number)?;
        let close = channel::Close { reply_code, reply_text, class_id: 0, method_id: 0 };
        outbox.method(number, AMQPClass::Channel(OfChannel::Close(close)))?;
        known.leave();
        self.channels.get_mut(&number).ok_or_else(closed)
    }

    /// Nobody has the channel any more.
    pub(super) fn abandon(&mut self, number: u16) {
        // An error says that it has ended already.
        let _ = self.close_channel(number, 200, ShortString::default());
        if let Some(known) = self.channels.get_mut(&number) {
            known.abandon();
        }
        self.forget(number);
    }

    /// Tells the broker that the connection ends.
    pub(super) fn leave(
        &mut self,
        reply_code: u16,
        reply_text: ShortString,
        waiting: Waiting,
    ) -> lapin::Result<()> {
        self.usable()?;
        let close = connection::Close { reply_code, reply_text, class_id: 0, method_id: 0 };
        self.outbox.method(0, AMQPClass::Connection(OfConnection::Close(close)))?;
        self.leaving.push(waiting);
        Ok(())
    }

    /// The socket has taken so many octets.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count as u64;
        let written = self.written;
        for (_, waker) in self.writers.extract_if(.., |(position, _)| *position <= written) {
            waker.wake();
        }
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether the socket has taken so many octets, or never will; otherwise `waker` is woken then.
    pub(super) fn is_written(&mut self, position: u64, waker: &Waker) -> Option<lapin::Result<()>> {
        if position <= self.written {
            return Some(Ok(()));
        }
        if let Some(error) = &self.error {
            return Some(Err(error.clone()));
        }
        if !self.writers.iter().any(|(other, known)| *other == position && known.will_wake(waker)) {
            self.writers.push((position, waker.clone()));
        }
        None
    }

    /// The connection is over.
    pub(super) fn fail(&mut self, error: lapin::Error) {
        if self.error.is_some() {
            return;
        }
        self.channels.values_mut().for_each(|known| known.fail(&error));
        self.writers.drain(..).for_each(|(_, waker)| waker.wake());
        // Their senders are dropped, which tells them.
        self.leaving.clear();
        if let Some(events) = self.events.take() {
            drop(events.send(Event::Error(error.clone())));
        }
        self.error = Some(error);
    }

    /// Takes a frame in. What cannot be understood, and what the broker says of the whole connection, ends it.
    pub(super) fn take(&mut self, raw: Raw<'_>) -> lapin::Result<()> {
        let Raw { kind, channel, payload } = raw;
        match kind {
            METHOD => self.take_method(channel, payload),
            HEADER => self.of(channel)?.header(payload),
            BODY => self.of(channel)?.body(payload),
            HEARTBEAT => Ok(()),
            _ => Err(unreadable("a frame of no known kind")),
        }
    }

    fn take_method(&mut self, channel: u16, payload: &[u8]) -> lapin::Result<()> {
        let mut fields = Fields::new(payload);
        match fields.identifier() {
            Some(DELIVER) => {
                let known = self.of(channel)?;
                let what = (|| {
                    let consumer = known.consumer(fields.short()?);
                    let (tag, redelivered) = (fields.number()?, fields.octet()? & 1 == 1);
                    Some(What::Delivery { consumer, tag, redelivered })
                })();
                known.begin(what.ok_or_else(|| unreadable("a delivery"))?)
            }
            Some(method @ (ACK | NACK)) => {
                let (tag, bits) =
                    fields.number().zip(fields.octet()).ok_or_else(|| unreadable("a confirm"))?;
                self.of(channel)?.confirmed(tag, bits & 1 == 1, method == ACK);
                Ok(())
            }
            _ => {
                let (_, method) = parse_class(payload).map_err(|_| unreadable("a method"))?;
                if channel == 0 { self.take_own(method) } else { self.take_other(channel, method) }
            }
        }
    }

    /// A method about the connection.
    fn take_own(&mut self, method: AMQPClass) -> lapin::Result<()> {
        let AMQPClass::Connection(method) = method else { return Err(unreadable("a method of a channel")) };
        match method {
            OfConnection::Blocked(blocked) => {
                let reason = self.blocked.insert(blocked.reason.to_string()).clone();
                self.tell(Event::ConnectionBlocked(reason));
                Ok(())
            }
            OfConnection::Unblocked(_) => {
                self.blocked = None;
                self.tell(Event::ConnectionUnblocked);
                Ok(())
            }
            OfConnection::Close(close) => {
                let ok = AMQPClass::Connection(OfConnection::CloseOk(connection::CloseOk {}));
                self.outbox.method(0, ok)?;
                Err(refused(close.reply_code, &close.reply_text))
            }
            OfConnection::CloseOk(ok) => {
                for waiting in self.leaving.drain(..) {
                    // Whoever asked may be gone.
                    let answer = AMQPClass::Connection(OfConnection::CloseOk(ok.clone()));
                    drop(waiting.send(Ok(Answer::Method(answer))));
                }
                Err(ErrorKind::InvalidConnectionState(ConnectionState::Closed).into())
            }
            OfConnection::UpdateSecretOk(_) => Ok(()),
            _ => Err(unreadable("a part of the login after its end")),
        }
    }

    /// Any other method.
    fn take_other(&mut self, channel: u16, method: AMQPClass) -> lapin::Result<()> {
        match method {
            AMQPClass::Channel(OfChannel::Close(close)) => {
                let ok = AMQPClass::Channel(OfChannel::CloseOk(channel::CloseOk {}));
                self.outbox.method(channel, ok)?;
                self.of(channel)?.fail(&refused(close.reply_code, &close.reply_text));
                self.forget(channel);
                Ok(())
            }
            AMQPClass::Channel(OfChannel::CloseOk(_)) => {
                self.of(channel)?.left(Answer::Method(method));
                self.forget(channel);
                Ok(())
            }
            AMQPClass::Channel(OfChannel::Flow(flow)) => {
                let ok = AMQPClass::Channel(OfChannel::FlowOk(channel::FlowOk { active: flow.active }));
                self.outbox.method(channel, ok)?;
                let reason = "it stopped the flow of a channel".to_owned();
                self.tell(match flow.active {
                    true => Event::ConnectionUnblocked,
                    false => Event::ConnectionBlocked(reason),
                });
                Ok(())
            }
            AMQPClass::Basic(Basic::Return(returned)) => {
                let (exchange, key) = (returned.exchange.to_string(), returned.routing_key.to_string());
                self.of(channel)?.begin(What::Returned { exchange, key })
            }
            AMQPClass::Basic(Basic::GetOk(got)) => {
                self.of(channel)?.begin(What::Got { tag: got.delivery_tag, redelivered: got.redelivered })
            }
            AMQPClass::Basic(Basic::Cancel(cancel)) => {
                self.of(channel)?.end_consumer(cancel.consumer_tag.as_str());
                Ok(())
            }
            method => {
                let known = self.of(channel)?;
                if let AMQPClass::Basic(Basic::CancelOk(cancelled)) = &method {
                    // Only now, since the broker may have delivered more meanwhile.
                    known.end_consumer(cancelled.consumer_tag.as_str());
                }
                known.answered(Answer::Method(method))
            }
        }
    }

    fn usable(&self) -> lapin::Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    fn of(&mut self, channel: u16) -> lapin::Result<&mut Known> {
        self.channels.get_mut(&channel).ok_or_else(|| unreadable("it speaks of a channel that is not open"))
    }

    fn forget(&mut self, channel: u16) {
        if self.channels.get(&channel).is_some_and(Known::is_forgotten) {
            self.channels.remove(&channel);
        }
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // Whoever listened may be gone.
            drop(events.send(event));
        }
    }
}

/// What the broker says when it ends a channel or a connection.
pub(super) fn refused(code: u16, text: &ShortString) -> lapin::Error {
    let unknown = || io::Error::new(io::ErrorKind::ConnectionAborted, format!("{code} {text}")).into();
    AMQPError::from_id(code, text.clone())
        .map_or_else(unknown, |error| ErrorKind::ProtocolError(error).into())
}
