//! Messages that were rejected.

use std::collections::VecDeque;
use std::sync::Arc;

use super::state::QueueName;
use crate::dead_letters::DeadLetter;
use crate::message::Message;

/// A message that was rejected, and the queue that it came from.
pub(super) struct Kept {
    pub(super) letter: DeadLetter,
    pub(super) origin: QueueName,
}

#[derive(Default)]
pub(super) struct DeadLetters(VecDeque<Kept>);

impl DeadLetters {
    const MOST: usize = 1_024;

    pub(super) fn add(&mut self, letter: DeadLetter, origin: QueueName) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(Kept { letter, origin });
    }

    pub(super) fn all(&self) -> Vec<DeadLetter> {
        self.0.iter().map(|kept| kept.letter.clone()).collect()
    }

    pub(super) fn count(&self, exchange: &str, topic: &str) -> usize {
        self.0.iter().filter(|kept| is_of(&kept.letter, exchange, topic)).count()
    }

    /// Goes over the letters of a topic, oldest first, and keeps those for which `keeps` says so.
    pub(super) fn retain(&mut self, exchange: &str, topic: &str, mut keeps: impl FnMut(&Kept) -> bool) {
        self.0.retain(|kept| !is_of(&kept.letter, exchange, topic) || keeps(kept));
    }
}

fn is_of(letter: &DeadLetter, exchange: &str, topic: &str) -> bool {
    letter.exchange == exchange && letter.topic == topic
}

/// The message as it is sent again: a first attempt that nobody waits for.
pub(super) fn replayed(message: &Message) -> Message {
    let mut message = message.clone();
    if let Some(context) = message.context_mut() {
        (context.attempt, context.deadline) = (1, None);
    }
    if let Message::Request(request) = &mut message {
        let request = Arc::make_mut(request);
        (request.reply_to, request.time_to_live) = (None, None);
    }
    message
}
