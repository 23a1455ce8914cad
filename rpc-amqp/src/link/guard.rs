//! What stands between the socket and the library that parses frames.
//!
//! The library parses what a stranger wrote as if it were honest: tables by recursion, which overflows the stack of the
//! thread that reads, and strings as UTF-8, which ends the connection when they are not. Either way the message goes
//! back to its queue, and on to the next process. So the octets that the broker sends pass a [`Guard`] first. It
//! overwrites, one for one, what the library could not read, and [remembers](Findings) whose it was: such a delivery is
//! rejected and never handled.
//!
//! - Frames are walked without recursion, with a state of fixed size. A read may be split anywhere, and each octet is
//!   final when the read is handed on.
//! - Only content headers, `basic.deliver`, `basic.return` and `basic.get-ok` are looked into: all else is the broker's.
//! - Headers deeper than 16 levels: the type `F` or `A` of the seventeenth becomes `x`, octets that nobody looks into.
//! - Text that is not UTF-8: see [`text`].
//! - Types that the library does not know, and lengths that do not fit into what is around them: see [`table`]. A broker
//!   that reads headers itself, as RabbitMQ does, refuses them from a publisher; others hand them on.
//! - Every length of time, number, decimal or long string is read by the library, whatever its octets.
//! - Headers larger than the frames that were agreed on, which a broker sends to us all the same when a publisher has
//!   agreed on larger ones: they are cut, and what is left is made readable.
//! - Confirms of what waits for none end the connection: see [`confirms`].
//! - What is wrong in frames themselves, such as a type, an end, or a payload that is too short for its fixed fields,
//!   only a broker can have written: it is left alone, and ends the connection.
//! - What needs no change is not changed, and not copied.

mod changes;
mod confirms;
mod field;
mod findings;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod length;
mod origins;
mod payload;
#[cfg(test)]
mod proof;
mod start;
mod stream;
mod table;
mod text;

use std::sync::Arc;

pub(crate) use self::changes::Changes;
pub(crate) use self::confirms::Published;
use self::confirms::{Confirms, Misplaced};
pub(crate) use self::findings::Findings;
use self::findings::Overflow;
use self::origins::{Origin, Origins};
use self::payload::Payload;
use self::start::{HEADER, METHOD, Seen, Start};
pub(super) use self::stream::Guarded;

/// The first octet of what a broker says that speaks another version, in eight octets.
const PROTOCOL: u8 = b'A';

/// Class and method.
const DELIVER: u32 = 60 << 16 | 60;
const RETURN: u32 = 60 << 16 | 50;
const GET_OK: u32 = 60 << 16 | 71;
const ACK: u32 = 60 << 16 | 80;
const NACK: u32 = 60 << 16 | 120;
const CHANNEL_OPEN_OK: u32 = 20 << 16 | 11;
const CONNECTION_TUNE: u32 = 10 << 16 | 30;

/// Why none of what is to come can be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Distrust {
    #[error(transparent)]
    Overflow(#[from] Overflow),
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
}

/// Walks over what a broker sends, and overwrites what the library could not read.
#[derive(Debug)]
pub(super) struct Guard {
    next: Next,
    start: Start,
    /// What is being gone over, or was last.
    payload: Payload,
    origins: Origins,
    confirms: Confirms,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Start,
    /// So many of the four octets of class and method have arrived, with this value.
    Identifier(u8, u32),
    Payload(Source),
    /// So many of the six octets of `connection.tune` with its first two numbers have arrived; the second so far.
    Tune(u8, u32),
    /// So many of the nine octets of a confirm have arrived; the tag so far.
    Confirm(u8, u64),
    /// So many octets are not to be handed on.
    Excess(u32),
    /// So many octets are of no interest, with what ends the frame.
    Skipped(u64),
    /// No frame: the library will give up.
    Lost,
}

/// Where a payload belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// `basic.deliver` or `basic.get-ok`.
    Delivery,
    Return,
    Header,
}

impl Guard {
    /// `frame_max` is the largest frame that we ask for.
    pub(super) fn new(findings: Arc<Findings>, published: Arc<Published>, frame_max: u32) -> Self {
        Self {
            next: Next::Start,
            start: Start::new(frame_max),
            payload: Payload::header(0, 0),
            origins: Origins::new(findings),
            confirms: Confirms::new(published),
        }
    }

    /// Goes over octets as they were read, and says how many of them there are to hand on: all, unless a header was too
    /// large. After an error none of what is to come can be trusted.
    pub(super) fn pass(&mut self, octets: &mut [u8]) -> Result<usize, Distrust> {
        let (mut at, mut kept) = (0, 0);
        while at < octets.len() {
            let is_kept = !matches!(self.next, Next::Excess(_));
            let passed = self.step(&mut octets[at..])?;
            if is_kept {
                if kept < at {
                    octets.copy_within(at..at + passed, kept);
                }
                kept += passed;
            }
            at += passed;
        }
        Ok(kept)
    }

    /// Goes over some of `octets`, of which there is at least one, and says over how many.
    fn step(&mut self, octets: &mut [u8]) -> Result<usize, Distrust> {
        let available = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let passed = match self.next {
            Next::Start => return Ok(self.pass_start(octets)),
            Next::Payload(source) => {
                let passed = self.payload.pass(octets);
                if self.payload.is_done() {
                    let excess = self.start.excess;
                    self.next = if excess > 0 { Next::Excess(excess) } else { Next::Skipped(1) };
                    // Before the octet that ends the frame, without which the library does not act on it.
                    self.finish(source)?;
                }
                return Ok(passed);
            }
            Next::Identifier(seen, value) => {
                let (seen, value) = (seen + 1, value << 8 | u32::from(octets[0]));
                self.next = if seen < 4 { Next::Identifier(seen, value) } else { self.arguments(value) };
                1
            }
            Next::Tune(seen, value) => {
                let (seen, value) = (seen + 1, value << 8 | u32::from(octets[0]));
                self.next = Next::Tune(seen, value);
                if seen == 6 {
                    self.start.limit(value);
                    self.next = self.skipped(4 + 6);
                }
                1
            }
            Next::Confirm(8, tag) => {
                self.confirms.confirmed(self.start.channel, tag, octets[0] & 1 == 1)?;
                self.next = self.skipped(4 + 9);
                1
            }
            Next::Confirm(seen, tag) => {
                self.next = Next::Confirm(seen + 1, tag << 8 | u64::from(octets[0]));
                1
            }
            Next::Excess(left) => {
                let length = available.min(left);
                self.next = if length < left { Next::Excess(left - length) } else { Next::Skipped(1) };
                length
            }
            Next::Skipped(left) => {
                let length = available.min(u32::try_from(left).unwrap_or(u32::MAX));
                let left = left - u64::from(length);
                self.next = if left > 0 { Next::Skipped(left) } else { Next::Start };
                length
            }
            Next::Lost => available,
        };
        Ok(usize::try_from(passed).unwrap_or(octets.len()))
    }

    fn pass_start(&mut self, octets: &mut [u8]) -> usize {
        let (passed, seen) = self.start.pass(octets);
        let Start { kind, length, excess, .. } = self.start;
        self.next = match seen {
            Seen::Part => Next::Start,
            Seen::NoFrame if kind == PROTOCOL => Next::Skipped(7),
            Seen::NoFrame => Next::Lost,
            Seen::Whole if kind == METHOD && length >= 4 => Next::Identifier(0, 0),
            Seen::Whole if kind == HEADER => self.look_into(Payload::header(length, excess), Source::Header),
            Seen::Whole => self.skipped(0),
        };
        passed
    }

    /// What follows class and method.
    fn arguments(&mut self, identifier: u32) -> Next {
        let left = self.start.length - 4;
        match identifier {
            DELIVER => self.look_into(Payload::deliver(left), Source::Delivery),
            RETURN => self.look_into(Payload::returned(left), Source::Return),
            GET_OK => self.look_into(Payload::get_ok(left), Source::Delivery),
            CONNECTION_TUNE if left >= 6 => Next::Tune(0, 0),
            ACK | NACK if left >= 9 => Next::Confirm(0, 0),
            CHANNEL_OPEN_OK => {
                self.confirms.forget(self.start.channel);
                self.origins.forget(self.start.channel);
                self.skipped(4)
            }
            _ => self.skipped(4),
        }
    }

    fn look_into(&mut self, payload: Payload, source: Source) -> Next {
        self.payload = payload;
        // One that is empty, which no broker sends, is never finished.
        if payload.is_done() { Next::Skipped(1) } else { Next::Payload(source) }
    }

    /// Nothing more of this frame is of interest than these first octets.
    fn skipped(&self, passed: u32) -> Next {
        Next::Skipped(u64::from(self.start.length - passed) + 1)
    }

    /// Takes down whose the changes were.
    fn finish(&mut self, source: Source) -> Result<(), Overflow> {
        let (channel, changes) = (self.start.channel, self.payload.changes());
        match source {
            Source::Delivery => self.origins.begin(channel, Origin::Delivery(self.payload.tag()), changes),
            Source::Return => self.origins.begin(channel, Origin::Returned, changes),
            Source::Header => self.origins.complete(channel, changes),
        }
    }
}
