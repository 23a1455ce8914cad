//! What a transport is asked to do with dead letters.

use super::DeadLetterFilter;

/// What a transport is asked to do with the dead letters of a topic.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetterQuery {
    /// The exchange.
    pub exchange: String,
    /// The topic.
    pub topic: String,
    /// What to do with those that pass the filter.
    pub treatment: Treatment,
    /// Which ones are meant.
    pub filter: DeadLetterFilter,
    /// How many of them at most; 1 to [`DeadLetters::MOST`](crate::DeadLetters::MOST).
    pub most: usize,
}

/// What is done with dead letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to carry out every kind")]
pub enum Treatment {
    /// Looked at, and left where they are.
    Inspect,
    /// Back to the queue that they were rejected from; taken away once they are safe there.
    Replay,
    /// Taken away.
    Discard,
}
