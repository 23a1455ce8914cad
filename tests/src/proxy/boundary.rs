//! Where the frames of a direction end.

/// An AMQP frame starts with its type, a channel and the length of its payload.
const START: u32 = 7;
/// It ends with this.
const END: u8 = 0xce;
/// Method, content header, body, heartbeat.
const TYPES: [u8; 4] = [1, 2, 3, 8];
/// `AMQP` and four more bytes: what a peer says that asks for, or offers, a version. It is no frame.
const PROTOCOL: (u8, u32) = (b'A', 8);

/// Follows the bytes of a direction, and knows whether a frame has just ended.
#[derive(Clone, Debug)]
pub(super) struct Boundary(State);

#[derive(Clone, Debug)]
enum State {
    /// So many bytes of the start of a frame have gone by, with this length so far. None: between two frames.
    Start(u32, u32),
    /// So many bytes of a payload are left.
    Payload(u32),
    End,
    /// So many bytes of the version are left.
    Protocol(u32),
    /// It was no frame. TLS, for example.
    Lost,
}

impl Boundary {
    /// The start of a connection, which is a boundary.
    pub(super) const fn new() -> Self {
        Self(State::Start(0, 0))
    }

    /// Whether a frame may be put in here.
    pub(super) const fn is_here(&self) -> bool {
        matches!(self.0, State::Start(0, _))
    }

    /// These bytes have gone by.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// How many of these bytes there are up to the next boundary: all, if it is not among them.
    pub(super) fn distance(&self, bytes: &[u8]) -> usize {
        let mut ahead = self.clone();
        let mut count = 0;
        while count < bytes.len() {
            count += ahead.step(&bytes[count..]);
            if ahead.is_here() {
                break;
            }
        }
        count
    }

    /// Goes over some of `bytes`, of which there is at least one; never past a boundary. Says over how many.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let available = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let first = bytes[0];
        let (next, passed) = match self.0 {
            State::Start(0, _) if first == PROTOCOL.0 => (State::Protocol(PROTOCOL.1 - 1), 1),
            State::Start(0, _) if !TYPES.contains(&first) => (State::Lost, available),
            State::Start(seen, length) => {
                // Only the last four bytes of seven stay in it.
                let length = length << 8 | u32::from(first);
                let next = if seen + 1 < START { State::Start(seen + 1, length) } else { payload(length) };
                (next, 1)
            }
            State::Payload(left) => {
                let passed = left.min(available);
                (payload(left - passed), passed)
            }
            State::End if first == END => (State::Start(0, 0), 1),
            State::End | State::Lost => (State::Lost, available),
            State::Protocol(left) => {
                let passed = left.min(available);
                let next = if passed < left { State::Protocol(left - passed) } else { State::Start(0, 0) };
                (next, passed)
            }
        };
        self.0 = next;
        usize::try_from(passed).unwrap_or(bytes.len())
    }
}

const fn payload(left: u32) -> State {
    if left == 0 { State::End } else { State::Payload(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0xab, 0xcd][..], &length, payload, &[END]].concat()
    }

    /// The offsets at which a frame may be put in, found one byte at a time.
    fn boundaries(bytes: &[u8]) -> Vec<usize> {
        let mut boundary = Boundary::new();
        let mut found = Vec::new();
        for (offset, byte) in bytes.iter().enumerate() {
            found.extend(boundary.is_here().then_some(offset));
            boundary.pass(&[*byte]);
        }
        found.extend(boundary.is_here().then_some(bytes.len()));
        found
    }

    #[test]
    fn boundaries_are_between_frames_however_the_bytes_come() {
        // Payloads that look like frames, and an empty one.
        let inner = frame(1, b"x");
        let frames = [frame(1, &inner), frame(8, b""), frame(2, &[END; 300]), frame(3, &[1; 70_000])];
        let mut expected = vec![0];
        expected.extend(frames.iter().scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        }));
        let all = frames.concat();
        assert_eq!(boundaries(&all), expected);

        for size in [1, 2, 7, 8, 100, 65_536, all.len()] {
            let mut boundary = Boundary::new();
            let (mut offset, mut found) = (0, vec![0]);
            while offset < all.len() {
                let piece = &all[offset..all.len().min(offset + size)];
                let count = boundary.distance(piece);
                assert!((1..=piece.len()).contains(&count));
                boundary.pass(&piece[..count]);
                offset += count;
                found.extend(boundary.is_here().then_some(offset));
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_version_is_passed_over() {
        let bytes = [&b"AMQP\x00\x00\x09\x01"[..], &frame(1, b"abcd")].concat();
        assert_eq!(boundaries(&bytes), [0, 8, 20]);
    }

    #[test]
    fn there_are_no_boundaries_in_what_is_no_frame() {
        let tls = frame(22, b"abcd");
        assert_eq!(boundaries(&tls), [0]);
        let mut broken = frame(1, b"abcd");
        *broken.last_mut().unwrap() = 0;
        assert_eq!(boundaries(&[&broken[..], &frame(1, b"abcd")].concat()), [0]);
    }
}
