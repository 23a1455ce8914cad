//! What happened in a run.

use std::hash::{DefaultHasher, Hash, Hasher};

use rpc_core::{Code, Executed};

use super::broker::Fact;

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    Invoked {
        operation: usize,
    },
    /// A handler started.
    Executed {
        operation: usize,
        process: usize,
        attempt: u32,
    },
    /// It ended, or was dropped.
    Ended {
        operation: usize,
    },
    Resolved {
        operation: usize,
        outcome: Outcome,
    },
    /// The caller dropped the future.
    Abandoned {
        operation: usize,
    },
    Broker(Fact),
    Fault(String),
    /// The first success after everything was healed.
    Healed,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// With the value that came back, 0 for what has no reply.
    Ok(u64),
    /// The method's own error.
    Service,
    Failed {
        code: Code,
        executed: Executed,
        #[expect(dead_code, reason = "for whoever reads a history")]
        text: String,
    },
}

/// Everything that happened, with the virtual time in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Vec<(u64, Event)>);

impl Event {
    pub(crate) const fn operation(&self) -> Option<usize> {
        match self {
            Self::Invoked { operation }
            | Self::Executed { operation, .. }
            | Self::Resolved { operation, .. }
            | Self::Ended { operation }
            | Self::Abandoned { operation }
            | Self::Broker(
                Fact::Routed { operation, .. }
                | Fact::Delivered { operation, .. }
                | Fact::Doubled { operation }
                | Fact::Acknowledged { operation }
                | Fact::Lost { operation, .. },
            ) => Some(*operation),
            Self::Fault(_) | Self::Healed => None,
        }
    }
}

impl Eq for Outcome {}

/// Texts are left out, since they can hold names made by a chance that is not the seed's.
impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Outcome {
    fn key(&self) -> (u64, Option<(&'static str, Executed)>) {
        match self {
            Self::Ok(value) => (*value, None),
            Self::Service => (1, Some(("service", Executed::Executed))),
            Self::Failed { code, executed, .. } => (2, Some((code.as_str(), *executed))),
        }
    }
}

impl History {
    pub(crate) fn add(&mut self, now: u64, event: Event) {
        self.0.push((now, event));
    }

    pub(crate) fn all(&self) -> &[(u64, Event)] {
        &self.0
    }

    /// The same for two runs in which the same happened at the same times in the same order.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (now, event) in &self.0 {
            now.hash(&mut hasher);
            match event {
                Event::Resolved { operation, outcome } => {
                    operation.hash(&mut hasher);
                    format!("{:?}", outcome.key()).hash(&mut hasher);
                }
                event => format!("{event:?}").hash(&mut hasher),
            }
        }
        hasher.finish()
    }

    /// What happened to one operation, and the faults around it.
    pub(crate) fn of(&self, operation: usize) -> String {
        let lines: Vec<_> = self
            .0
            .iter()
            .filter(|(_, event)| event.operation().is_none_or(|other| other == operation))
            .map(|(now, event)| format!("  {now:>6} ms  {event:?}"))
            .collect();
        lines.join("\n")
    }
}
