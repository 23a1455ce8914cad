//! Octets from the socket, cut into frames.

use std::io;

use amq_protocol::frame::ProtocolVersion;
use lapin::ErrorKind;

use super::outbox::AROUND;

const END: u8 = 0xce;
/// The first octet of what a broker says that speaks another version, in eight octets.
const PROTOCOL: u8 = b'A';

/// A frame, not looked into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Raw<'a> {
    pub(super) kind: u8,
    pub(super) channel: u16,
    pub(super) payload: &'a [u8],
}

/// Octets from the socket, cut into frames.
#[derive(Debug)]
pub(super) struct Inbox {
    octets: Vec<u8>,
    /// Where the next frame starts, and where the octets end.
    start: usize,
    end: usize,
    frame_max: usize,
}

impl Inbox {
    /// No frame may be larger than `frame_max`. There is always room for one, and mostly for many.
    pub(super) fn new(frame_max: usize) -> Self {
        Self { octets: vec![0; 2 * frame_max], start: 0, end: 0, frame_max }
    }

    /// Where the next octets go. Never empty, once all whole frames were taken.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.octets.len() - self.end < self.frame_max {
            // What is left is a part of one frame.
            self.octets.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.octets[self.end..]
    }

    /// So many octets were put there.
    pub(super) const fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// The next frame, if all of it has arrived.
    pub(super) fn next(&mut self) -> lapin::Result<Option<Raw<'_>>> {
        let octets = &self.octets[self.start..self.end];
        if octets.is_empty() {
            (self.start, self.end) = (0, 0);
            return Ok(None);
        }
        let &[kind, high, low, a, b, c, d, ref rest @ ..] = octets else { return Ok(None) };
        if kind == PROTOCOL {
            let &[revision, ..] = rest else { return Ok(None) };
            let (major, minor) = (c, d);
            return Err(ErrorKind::InvalidProtocolVersion(ProtocolVersion { major, minor, revision }).into());
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.frame_max - AROUND {
            return Err(unreadable(&format!("a frame has {length} bytes, more than was agreed on")));
        }
        if rest.len() <= length {
            return Ok(None);
        }
        if rest[length] != END {
            return Err(unreadable("a frame does not end where it has to"));
        }
        self.start += length + AROUND;
        // Borrowed anew, since the branches above gave nothing back that is borrowed.
        let payload = &self.octets[self.start - 1 - length..self.start - 1];
        Ok(Some(Raw { kind, channel: u16::from_be_bytes([high, low]), payload }))
    }
}

/// The error of what no broker says.
pub(super) fn unreadable(what: &str) -> lapin::Error {
    let text = format!("the broker is not understood: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME_MAX: usize = 64;

    fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind];
        octets.extend(channel.to_be_bytes());
        octets.extend((payload.len() as u32).to_be_bytes());
        octets.extend(payload);
        octets.push(END);
        octets
    }

    fn error(octets: &[u8]) -> lapin::Error {
        let mut inbox = Inbox::new(FRAME_MAX);
        inbox.room()[..octets.len()].copy_from_slice(octets);
        inbox.filled(octets.len());
        inbox.next().unwrap_err()
    }

    proptest! {
        #[test]
        fn frames_come_whole_however_they_are_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=FRAME_MAX - AROUND), 1..40),
            reads in prop::collection::vec(1_usize..200, 1..400),
        ) {
            let sent: Vec<_> = payloads.iter().flat_map(|payload| frame(3, 5, payload)).collect();
            let (mut inbox, mut left, mut seen) = (Inbox::new(FRAME_MAX), &sent[..], Vec::new());
            for most in reads.into_iter().cycle() {
                let room = inbox.room();
                prop_assert!(!room.is_empty());
                let count = room.len().min(most).min(left.len());
                room[..count].copy_from_slice(&left[..count]);
                inbox.filled(count);
                left = &left[count..];
                while let Some(raw) = inbox.next().unwrap() {
                    prop_assert_eq!((raw.kind, raw.channel), (3, 5));
                    seen.push(raw.payload.to_vec());
                }
                if left.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, payloads);
        }
    }

    #[test]
    fn what_no_broker_says_is_refused() {
        assert!(
            error(&frame(1, 0, &[0; FRAME_MAX - AROUND + 1])[..FRAME_MAX]).to_string().contains("57 bytes")
        );
        let mut cut = frame(1, 0, b"x");
        *cut.last_mut().unwrap() = 0;
        assert!(error(&cut).to_string().contains("does not end"));
        let other = error(b"AMQP\x00\x01\x02\x03");
        let version = ProtocolVersion { major: 1, minor: 2, revision: 3 };
        assert!(
            matches!(other.kind(), ErrorKind::InvalidProtocolVersion(seen) if *seen == version),
            "{other}"
        );
    }
}
