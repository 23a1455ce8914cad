//! Whose header comes next.

use std::sync::Arc;

use super::changes::Changes;
use super::findings::{Findings, Overflow};

/// Messages whose method has arrived, and not their header. There is one at a time, unless a broker mixes channels.
const MOST_BEGUN: usize = 2_047;

/// What a message is, as its method has told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    Delivery(u64),
    Returned,
}

/// Who the next content header of each channel belongs to, and where changes are taken down.
#[derive(Debug)]
pub(super) struct Origins {
    begun: Vec<(u16, Origin, Changes)>,
    findings: Arc<Findings>,
}

impl Origins {
    pub(super) const fn new(findings: Arc<Findings>) -> Self {
        Self { begun: Vec::new(), findings }
    }

    /// How many messages have begun.
    #[cfg(fuzzing)]
    pub(super) const fn begun(&self) -> usize {
        self.begun.len()
    }

    /// A method has begun a message, and so much was changed in it.
    pub(super) fn begin(&mut self, channel: u16, origin: Origin, changes: Changes) -> Result<(), Overflow> {
        self.begun.retain(|(other, ..)| *other != channel);
        if self.begun.len() >= MOST_BEGUN {
            return Err(Overflow);
        }
        self.begun.push((channel, origin, changes));
        Ok(())
    }

    /// The header of the message has passed, and so much was changed in it.
    pub(super) fn complete(&mut self, channel: u16, changes: Changes) -> Result<(), Overflow> {
        let index = self.begun.iter().position(|(other, ..)| *other == channel);
        // One that belongs to nothing is a broker's mistake, and ends the connection.
        let Some((_, origin, before)) = index.map(|index| self.begun.swap_remove(index)) else {
            return Ok(());
        };
        let changes = changes.and(before);
        match origin {
            _ if !changes.any() => Ok(()),
            Origin::Delivery(tag) => self.findings.delivery(channel, tag, changes),
            Origin::Returned => {
                self.findings.returned();
                Ok(())
            }
        }
    }

    /// A channel is opened anew.
    pub(super) fn forget(&mut self, channel: u16) {
        self.begun.retain(|(other, ..)| *other != channel);
        // Delivery tags start again, and a mark that stays would hit somebody else's message. Whoever still holds
        // deliveries of the last channel of this number may find their marks gone. Such a delivery comes again if it is
        // acknowledged at all; a reply is read as what the guard has made of it, which is harmless.
        self.findings.forget(channel);
    }
}
