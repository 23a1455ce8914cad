//! Which of a client's two connections this is.

/// What the AMQP client of this repository uses a connection for. It says so in the name of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Named `… (publish)`.
    Publish,
    /// Named `… (consume)`.
    Consume,
}

impl Role {
    const ALL: [(Self, &[u8]); 2] = [(Self::Publish, b"(publish)"), (Self::Consume, b"(consume)")];

    fn find(bytes: &[u8]) -> Option<Self> {
        let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        Self::ALL.into_iter().find(|(_, text)| contains(text)).map(|(role, _)| role)
    }
}

/// The version that a client asks for.
const PROTOCOL: &[u8] = b"AMQP";
/// The version, and the start of the first frame.
const BEFORE_PAYLOAD: usize = 8 + 7;
/// A first frame that is longer is not read. A usual one has some hundred bytes.
const LONGEST: usize = 16 * 1024;

/// Reads the first frame of a client, `connection.start-ok`, which has the name.
#[derive(Debug, Default)]
pub(super) struct Search {
    seen: Vec<u8>,
    is_over: bool,
}

impl Search {
    /// More bytes of the client. Finds at most one role, and as soon as the frame is whole.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<Role> {
        if self.is_over {
            return None;
        }
        let room = LONGEST - self.seen.len();
        self.seen.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let is_other = self.seen.len() >= PROTOCOL.len() && !self.seen.starts_with(PROTOCOL);
        let end = self.seen.get(BEFORE_PAYLOAD - 4..BEFORE_PAYLOAD).map(|length| {
            let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            BEFORE_PAYLOAD + length
        });
        let frame = end.and_then(|end| self.seen.get(BEFORE_PAYLOAD..end));
        let found = frame.and_then(Role::find);
        if is_other || frame.is_some() || self.seen.len() == LONGEST {
            *self = Self { seen: Vec::new(), is_over: true };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_ok(payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [b"AMQP\x00\x00\x09\x01", &[1, 0, 0][..], &length, payload, &[0xce]].concat()
    }

    fn search(bytes: &[u8], size: usize) -> Vec<Role> {
        let mut search = Search::default();
        bytes.chunks(size).filter_map(|chunk| search.pass(chunk)).collect()
    }

    #[test]
    fn the_role_is_found_once_however_the_bytes_come() {
        let texts =
            [("cell (publish)", Some(Role::Publish)), ("cell (consume)", Some(Role::Consume)), ("x", None)];
        for (text, role) in texts {
            let bytes = [start_ok(text.as_bytes()), start_ok(b"(publish) (consume)")].concat();
            for size in 1..bytes.len() {
                assert_eq!(search(&bytes, size), Vec::from_iter(role), "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn it_is_found_before_the_end_of_its_frame_has_gone_on() {
        let bytes = start_ok(b"(consume)");
        assert_eq!(search(&bytes[..bytes.len() - 1], 1), [Role::Consume]);
        assert_eq!(search(&bytes[..bytes.len() - 2], 1), []);
    }

    #[test]
    fn what_is_no_first_frame_is_not_searched() {
        let mut other = start_ok(b"(publish)");
        other[0] = 22;
        assert_eq!(search(&other, 1), []);
        let mut long = start_ok(&[b'x'; LONGEST]);
        long.extend_from_slice(&start_ok(b"(publish)"));
        assert_eq!(search(&long, 100), []);
    }
}
