//! Which dead letters are meant.

use super::DeadLetter;
use crate::error::Code;
use crate::identity::MessageId;
use crate::message::Message;

/// Which dead letters are meant: all, unless something is said. What is said several times is a choice, and a letter has to
/// fit every kind that is said; event types and methods are one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct DeadLetterFilter {
    message_ids: Vec<MessageId>,
    codes: Vec<Code>,
    event_types: Vec<String>,
    methods: Vec<String>,
    queues: Vec<String>,
}

impl DeadLetterFilter {
    /// All letters.
    pub const fn new() -> Self {
        Self {
            message_ids: Vec::new(),
            codes: Vec::new(),
            event_types: Vec::new(),
            methods: Vec::new(),
            queues: Vec::new(),
        }
    }

    /// The message with this id.
    pub fn message_id(mut self, message_id: MessageId) -> Self {
        self.message_ids.push(message_id);
        self
    }

    /// What was rejected with this code.
    pub fn code(mut self, code: Code) -> Self {
        self.codes.push(code);
        self
    }

    /// Events of this type.
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Requests for this method.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.methods.push(method.into());
        self
    }

    /// What was rejected from this queue, by the name that [`DeadLetter::queue`] has: that of one pool or of one server.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queues.push(queue.into());
        self
    }

    /// Whether `letter` is meant. For transports.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let has_id = |id| self.message_ids.contains(id);
        (self.message_ids.is_empty() || letter.message_id.as_ref().is_some_and(has_id))
            && (self.codes.is_empty() || self.codes.contains(&letter.code))
            && (self.queues.is_empty() || self.queues.contains(&letter.queue))
            && self.names(letter)
    }

    fn names(&self, letter: &DeadLetter) -> bool {
        if self.event_types.is_empty() && self.methods.is_empty() {
            return true;
        }
        match &letter.message {
            Ok(Message::Notification(event)) => self.event_types.contains(&event.event_type),
            Ok(Message::Request(request)) => self.methods.iter().any(|method| *method == request.method),
            Ok(Message::Reply(_)) | Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Malformed, NotificationMessage, Request};
    use crate::payload::Payload;

    const CODES: [Code; 3] = [Code::Malformed, Code::ServiceError, Code::TooManyAttempts];

    fn id(number: usize) -> MessageId {
        MessageId::parse(&format!("m-{number}")).unwrap()
    }

    fn letter(number: usize, code: usize, kind: usize, name: usize, queue: usize) -> DeadLetter {
        let (name, payload) = (format!("name-{name}"), Payload::default());
        let message = match kind {
            0 => Ok(Message::from(NotificationMessage::new("p", name, payload))),
            1 => Ok(Message::from(Request::new(name, payload))),
            _ => Err(Malformed::new("no message of ours")),
        };
        DeadLetter {
            message_id: (number > 0).then(|| id(number)),
            code: CODES[code],
            queue: format!("queue-{queue}"),
            ..DeadLetter::new("default", "t", message)
        }
    }

    proptest! {
        #[test]
        fn every_kind_that_is_said_has_to_fit(
            number in 0_usize..4, code in 0_usize..3, kind in 0_usize..3, name in 0_usize..3,
            queue in 0_usize..3, queues in prop::collection::vec(0_usize..3, 0..3),
            ids in prop::collection::vec(1_usize..4, 0..3), codes in prop::collection::vec(0_usize..3, 0..3),
            types in prop::collection::vec(0_usize..3, 0..3), methods in prop::collection::vec(0_usize..3, 0..3),
        ) {
            let mut filter = DeadLetterFilter::new();
            for number in &ids { filter = filter.message_id(id(*number)); }
            for code in &codes { filter = filter.code(CODES[*code]); }
            for name in &types { filter = filter.event_type(format!("name-{name}")); }
            for name in &methods { filter = filter.method(format!("name-{name}")); }
            for queue in &queues { filter = filter.queue(format!("queue-{queue}")); }
            let named = kind == 0 && types.contains(&name) || kind == 1 && methods.contains(&name);
            let wanted = (ids.is_empty() || ids.contains(&number))
                && (codes.is_empty() || codes.contains(&code))
                && (queues.is_empty() || queues.contains(&queue))
                && (types.is_empty() && methods.is_empty() || named);
            prop_assert_eq!(filter.matches(&letter(number, code, kind, name, queue)), wanted);
        }
    }
}
