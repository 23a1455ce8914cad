//! A channel as this side knows it.

use std::collections::VecDeque;
use std::task::Waker;

use amq_protocol::frame::parsing::parse_content_header;
use amq_protocol::protocol::AMQPClass;
use lapin::types::ShortString;
use lapin::{ChannelState, ErrorKind};
use tokio::sync::{mpsc, oneshot};

use super::content::{Content, Message, What};
use super::inbox::unreadable;
use super::message::{Confirmation, Delivery, Returned};
use super::tags::Tags;

/// Whoever waits for an answer.
pub(super) type Waiting = oneshot::Sender<lapin::Result<Answer>>;
pub(super) type Deliveries = mpsc::UnboundedSender<lapin::Result<Delivery>>;

/// What the broker answers.
#[derive(Debug)]
pub(super) enum Answer {
    Method(AMQPClass),
    /// A message that was taken from a queue.
    Message(Box<Delivery>),
}

/// A channel as this side knows it.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Why nothing can be sent on it.
    error: Option<lapin::Error>,
    /// Whoever waits for answers, which come in the order of the questions.
    waiting: VecDeque<Waiting>,
    content: Option<Content>,
    /// By tag, in the order in which they were asked for. None leaves before the channel does, so places stay.
    consumers: Vec<(ShortString, Option<Deliveries>)>,
    tags: Tags,
    returned: VecDeque<Returned>,
    confirmed: Vec<Confirmation>,
    /// Whoever waits for confirms.
    waker: Option<Waker>,
    /// Whether the broker was told that the channel ends, and has not answered.
    awaits_close_ok: bool,
    /// Whether nobody has the channel any more, so that its number can be another's.
    is_abandoned: bool,
}

impl Known {
    pub(super) fn usable(&self) -> lapin::Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    pub(super) fn expect(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    /// The tag of the next message.
    pub(super) fn publish(&mut self) -> u64 {
        self.tags.publish()
    }

    pub(super) fn consume(&mut self, tag: ShortString, deliveries: Deliveries) {
        self.consumers.push((tag, Some(deliveries)));
    }

    /// Nothing more comes for a consumer: its stream ends.
    pub(super) fn end_consumer(&mut self, tag: &str) {
        for (_, deliveries) in self.consumers.iter_mut().filter(|(other, _)| other.as_str() == tag) {
            *deliveries = None;
        }
    }

    /// The broker is told that the channel ends: nothing may be said on it any more.
    pub(super) fn leave(&mut self) {
        self.error.get_or_insert_with(closed);
        self.awaits_close_ok = true;
    }

    /// The broker knows that the channel has ended.
    pub(super) fn left(&mut self, answer: Answer) {
        self.awaits_close_ok = false;
        // Nobody waits when the channel was dropped, or those who did are gone.
        if let Some(waiting) = self.waiting.pop_front() {
            drop(waiting.send(Ok(answer)));
        }
        self.fail(&closed());
    }

    /// Nobody has the channel any more.
    pub(super) const fn abandon(&mut self) {
        self.is_abandoned = true;
    }

    /// Whether neither side will name the channel again.
    pub(super) const fn is_forgotten(&self) -> bool {
        self.is_abandoned && self.error.is_some() && !self.awaits_close_ok
    }

    /// An answer, to whoever waits longest.
    pub(super) fn answered(&mut self, answer: Answer) -> lapin::Result<()> {
        let waiting = self.waiting.pop_front().ok_or_else(|| unreadable("it answers what nobody asked"))?;
        // Whoever asked may be gone.
        drop(waiting.send(Ok(answer)));
        Ok(())
    }

    pub(super) fn begin(&mut self, what: What) -> lapin::Result<()> {
        if self.content.is_some() {
            return Err(unreadable("a message begins in another one"));
        }
        self.content = Some(Content::new(what));
        Ok(())
    }

    /// The place of a consumer.
    pub(super) fn consumer(&self, tag: &[u8]) -> Option<usize> {
        self.consumers.iter().position(|(other, _)| other.as_str().as_bytes() == tag)
    }

    pub(super) fn header(&mut self, payload: &[u8]) -> lapin::Result<()> {
        let (_, header) = parse_content_header(payload).map_err(|_| unreadable("a content header"))?;
        self.part(|content| content.header(header))
    }

    pub(super) fn body(&mut self, part: &[u8]) -> lapin::Result<()> {
        self.part(|content| content.body(part))
    }

    fn part(&mut self, take: impl FnOnce(&mut Content) -> lapin::Result<bool>) -> lapin::Result<()> {
        let content = self.content.as_mut().ok_or_else(|| unreadable("a part of no message"))?;
        if !take(content)? {
            return Ok(());
        }
        match self.content.take().map(Content::finish) {
            Some(Message::Delivery(consumer, delivery)) => {
                let consumer = consumer.and_then(|place| self.consumers.get(place));
                // One that has left gets nothing more, and the broker keeps what nobody has settled.
                if let Some((_, Some(deliveries))) = consumer {
                    drop(deliveries.send(Ok(delivery)));
                }
            }
            Some(Message::Got(delivery)) => return self.answered(Answer::Message(Box::new(delivery))),
            Some(Message::Returned(returned)) => self.returned.push_back(returned),
            None => {}
        }
        Ok(())
    }

    /// The broker has confirmed a message, or all up to it. A return is handed out with the next confirm, whoever's it is.
    pub(super) fn confirmed(&mut self, tag: u64, multiple: bool, acknowledged: bool) {
        let (returned, confirmed) = (&mut self.returned, &mut self.confirmed);
        self.tags.confirm(tag, multiple, |tag| {
            let returned = returned.pop_front().map(Box::new);
            confirmed.push(Confirmation { tag, acknowledged, returned });
        });
        self.wake();
    }

    /// All confirms that have come, or why there will be none, if there is one or the other; otherwise `waker` is woken then.
    pub(super) fn take_confirmed(&mut self, waker: &Waker) -> Option<lapin::Result<Vec<Confirmation>>> {
        if !self.confirmed.is_empty() {
            let more = Vec::with_capacity(self.confirmed.len().min(64));
            return Some(Ok(std::mem::replace(&mut self.confirmed, more)));
        }
        if let Some(error) = &self.error {
            return Some(Err(error.clone()));
        }
        self.waker = Some(waker.clone());
        None
    }

    /// The channel has ended. Everybody who waits for something on it is told why.
    pub(super) fn fail(&mut self, error: &lapin::Error) {
        self.error.get_or_insert_with(|| error.clone());
        for waiting in self.waiting.drain(..) {
            drop(waiting.send(Err(error.clone())));
        }
        for deliveries in self.consumers.drain(..).filter_map(|(_, deliveries)| deliveries) {
            drop(deliveries.send(Err(error.clone())));
        }
        self.content = None;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The error of what was asked on a channel that is closed.
pub(super) fn closed() -> lapin::Error {
    ErrorKind::InvalidChannelState(ChannelState::Closed, "the channel is closed").into()
}
