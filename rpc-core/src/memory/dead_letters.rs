//! Messages that were rejected.

use std::collections::VecDeque;

use crate::error::Code;
use crate::message::Message;

/// A message that was rejected, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The topic that it was sent to.
    pub topic: String,
    /// What happened.
    pub code: Code,
    /// In words.
    pub reason: String,
    /// The message.
    pub message: Message,
}

#[derive(Default)]
pub(super) struct DeadLetters(VecDeque<DeadLetter>);

impl DeadLetters {
    const MOST: usize = 1_024;

    pub(super) fn add(&mut self, topic: &str, code: Code, reason: String, message: Message) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(DeadLetter { topic: topic.to_owned(), code, reason, message });
    }

    pub(super) fn all(&self) -> Vec<DeadLetter> {
        self.0.iter().cloned().collect()
    }
}
