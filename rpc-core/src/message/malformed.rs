//! A message that is none of ours.

use crate::error::{Code, Error};
use crate::identity::CorrelationId;
use crate::reply_address::ReplyAddress;

/// A message from the broker that could not be understood, with what is needed to tell its sender.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Malformed {
    /// What is wrong with it.
    pub reason: Box<str>,
    /// The code for its sender: [`Code::Malformed`], or [`Code::TooLarge`].
    pub code: Code,
    /// Where to tell it, if it gave an address of the right form.
    pub reply_to: Option<(ReplyAddress, CorrelationId)>,
    /// The call that waits for it, if it looks like a reply.
    pub answers: Option<CorrelationId>,
}

impl Malformed {
    /// A message that is malformed because of `reason`, with nobody to tell.
    #[must_use]
    pub fn new(reason: impl Into<Box<str>>) -> Self {
        Self { reason: reason.into(), code: Code::Malformed, reply_to: None, answers: None }
    }

    /// Says where to tell the sender.
    #[must_use]
    pub fn with_reply_to(mut self, reply_to: Option<(ReplyAddress, CorrelationId)>) -> Self {
        self.reply_to = reply_to;
        self
    }

    /// Says which call waits for it.
    #[must_use]
    pub fn with_answers(mut self, answers: Option<CorrelationId>) -> Self {
        self.answers = answers;
        self
    }

    /// Replaces the code.
    #[must_use]
    pub const fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// What its sender is told.
    #[must_use]
    pub fn error(&self) -> Error {
        Error::new(self.code, &*self.reason)
    }
}
