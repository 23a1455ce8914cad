//! The seven octets in front of a payload.

use super::changes::Changes;
use super::length::Length;

pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
pub(super) const HEARTBEAT: u8 = 8;

/// How many there are.
const OCTETS: usize = 7;
/// What surrounds a payload.
const AROUND: u32 = 8;
/// Class, weight, size of the body and flags.
const SHORTEST_HEADER: u32 = 14;
/// No peer may agree on less.
const SMALLEST_FRAME: u32 = 4_096;

/// What stands in front of a payload: type, channel and length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Start {
    pub(super) kind: u8,
    pub(super) channel: u16,
    /// The length of the payload, as it is handed on.
    pub(super) length: u32,
    /// Octets of the payload that are too many.
    pub(super) excess: u32,
    /// How many octets have arrived.
    seen: usize,
    /// The length of a content header as it may be.
    fitting: Length,
    /// The largest frame that the library takes.
    frame_max: u32,
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// More of its start has to arrive.
    Part,
    Whole,
    /// It is none.
    NoFrame,
}

impl Start {
    /// `frame_max` is the largest frame that we ask for.
    pub(super) const fn new(frame_max: u32) -> Self {
        let fitting = Length::exactly(0);
        Self { kind: 0, channel: 0, length: 0, excess: 0, seen: 0, fitting, frame_max }
    }

    /// The broker takes frames of at most so many octets, or of any number; of ours and this the smaller one counts.
    pub(super) fn limit(&mut self, frame_max: u32) {
        if frame_max > 0 {
            self.frame_max = self.frame_max.min(frame_max).max(SMALLEST_FRAME);
        }
    }

    /// Goes over the start's part of `octets`, of which there is at least one, and says how long that was.
    pub(super) fn pass(&mut self, octets: &mut [u8]) -> (usize, Seen) {
        // Nearly always all of it is there, and nothing is wrong with it.
        if let (0, Some(start)) = (self.seen, octets.first_chunk::<OCTETS>()) {
            let [kind, high, low, length @ ..] = *start;
            let length = u32::from_be_bytes(length);
            let is_good = kind != HEADER || (SHORTEST_HEADER..=self.longest()).contains(&length);
            if is_frame(kind) && is_good {
                (self.kind, self.channel) = (kind, u16::from_be_bytes([high, low]));
                (self.length, self.excess) = (length, 0);
                return (OCTETS, Seen::Whole);
            }
        }
        (1, self.pass_one(&mut octets[0]))
    }

    fn pass_one(&mut self, octet: &mut u8) -> Seen {
        let index = self.seen;
        self.seen = (index + 1) % OCTETS;
        match index {
            0 => {
                (self.kind, self.channel, self.length, self.excess) = (*octet, 0, 0, 0);
                // Octet by octet like everything else: the first of them are gone when the last is seen.
                self.fitting = Length::new(SHORTEST_HEADER, self.longest(), [None, None]);
                if !is_frame(*octet) {
                    self.seen = 0;
                    return Seen::NoFrame;
                }
            }
            1 | 2 => self.channel = self.channel << 8 | u16::from(*octet),
            _ => {
                self.length = self.length << 8 | u32::from(*octet);
                if self.kind == HEADER
                    && let Some(kept) = self.fitting.pass(octet, &mut Changes::default())
                {
                    // A header too short to be one was made longer: the library takes what follows for it, and so does
                    // the guard.
                    self.excess = self.length.saturating_sub(kept);
                    self.length = kept;
                }
            }
        }
        if self.seen == 0 { Seen::Whole } else { Seen::Part }
    }

    /// The longest payload that the library takes.
    const fn longest(&self) -> u32 {
        self.frame_max.saturating_sub(AROUND)
    }
}

const fn is_frame(kind: u8) -> bool {
    matches!(kind, METHOD | HEADER | BODY | HEARTBEAT)
}
