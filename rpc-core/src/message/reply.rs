//! The outcome of a call.

use std::sync::Arc;
use std::time::Duration;

use super::{Asked, Traceback};
use crate::error::{Code, Error, Executed};
use crate::identity::{CorrelationId, MessageId};
use crate::payload::Payload;
use crate::readable::readable;

/// The outcome of a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// Unique per reply, the same when it is sent again.
    pub message_id: MessageId,
    /// The correlation id of the request.
    pub correlation_id: CorrelationId,
    /// The server that answers.
    pub server: Option<Arc<str>>,
    /// Result or failure; what a reply holds that is not [`ending`](Self::ending) is looked at only with the last one.
    pub outcome: Outcome,
    /// Whether it is the last reply to its request, as most are. Any other says that the method is running.
    pub ending: bool,
    /// Whether it holds what the method tells of its progress, for a caller that listens. Never the last reply.
    pub is_progress: bool,
    /// How long the broker may keep the reply; the caller's remaining time.
    pub time_to_live: Option<Duration>,
}

/// How a call, or the method that it runs, ended.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a call ends well or not")]
pub enum Outcome {
    /// The encoded result.
    Success(Payload),
    /// The method's own error, or why it did not run.
    Failure(Failure),
}

/// Why a call has no result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What happened.
    pub code: Code,
    /// In words; at most 8 KiB, cut by whoever sends and whoever receives it.
    pub message: String,
    /// Whether the method ran.
    pub executed: Executed,
    /// Whether a retry can help.
    pub retryable: bool,
    /// How long to wait before a retry.
    pub retry_after: Option<Duration>,
    /// The type name of the service's own error. A label for people, never code.
    pub error_type: Option<Box<str>>,
    /// The service's own error, encoded.
    pub data: Payload,
    /// Where it happened, if the server is written in a language that tells. The native wire does not carry it.
    pub traceback: Option<Box<Traceback>>,
    /// What was asked for, when no endpoint has it. The native wire does not carry it.
    pub asked: Option<Box<Asked>>,
}

impl Reply {
    /// A reply to the request with `correlation_id`.
    #[must_use]
    pub fn new(correlation_id: CorrelationId, outcome: Outcome) -> Self {
        Self {
            message_id: MessageId::random(),
            correlation_id,
            server: None,
            outcome,
            ending: true,
            is_progress: false,
            time_to_live: None,
        }
    }

    /// A sign of life: the method that the request with `correlation_id` asked for is running. Its payload is empty.
    #[must_use]
    pub fn running(correlation_id: CorrelationId) -> Self {
        Self { ending: false, ..Self::new(correlation_id, Outcome::Success(Payload::default())) }
    }

    /// Progress: what the method that the request with `correlation_id` asked for tells of itself while it is running.
    #[must_use]
    pub fn progress(correlation_id: CorrelationId, progress: Payload) -> Self {
        let reply = Self::new(correlation_id, Outcome::Success(progress));
        Self { ending: false, is_progress: true, ..reply }
    }

    /// The encoded result, or the encoded error.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        match &self.outcome {
            Outcome::Success(payload) => payload,
            Outcome::Failure(failure) => &failure.data,
        }
    }
}

impl Failure {
    /// Longest message, in bytes.
    pub const LONGEST_MESSAGE: usize = 8 * 1_024;

    /// A failure of `code`, with what the code says about execution and retry.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: readable(message.into(), Self::LONGEST_MESSAGE),
            executed: code.executed(),
            retryable: code.is_retryable(),
            retry_after: None,
            error_type: None,
            data: Payload::default(),
            traceback: None,
            asked: None,
        }
    }

    /// Keeps where it happened.
    #[must_use]
    pub fn with_traceback(mut self, traceback: Traceback) -> Self {
        self.traceback = Some(Box::new(traceback));
        self
    }

    /// Keeps what was asked for.
    #[must_use]
    pub fn with_asked(mut self, asked: Asked) -> Self {
        self.asked = Some(Box::new(asked));
        self
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            executed: error.executed(),
            retryable: error.is_retryable(),
            retry_after: error.retry_after(),
            ..Self::new(error.code(), error.message())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_hostile_texts_are_cut() {
        let failure = Failure::new(Code::Panicked, "é".repeat(10_000));
        assert_eq!(failure.message.len(), Failure::LONGEST_MESSAGE);
        assert_eq!(Failure::new(Code::Panicked, "a\u{1b}[2Jb\nc").message, "a\u{fffd}[2Jb\nc");
    }
}
