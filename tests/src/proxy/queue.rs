//! Bytes that were read and have not gone on yet.

use std::collections::VecDeque;

use tokio::time::Instant;

/// The most bytes that wait in a proxy, for each connection and direction. A peer that sends faster is slowed down
/// like one with a slow reader.
pub(super) const CAPACITY: usize = 256 * 1024;

/// Bytes in order, in the chunks in which they came, each with the time at which it may go on.
#[derive(Debug, Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes in all chunks.
    length: usize,
}

#[derive(Debug)]
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    /// How many of them have gone on.
    gone: usize,
}

impl Queue {
    /// How many more bytes fit.
    pub(super) const fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.length)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a chunk, which is not empty. It becomes due not before the one in front of it.
    pub(super) fn push(&mut self, bytes: &[u8], due: Instant) {
        let due = self.chunks.back().map_or(due, |last| last.due.max(due));
        self.length += bytes.len();
        self.chunks.push_back(Chunk { due, bytes: bytes.to_owned(), gone: 0 });
    }

    /// The first chunk, and when it is due.
    pub(super) fn first(&self) -> Option<(&[u8], Instant)> {
        self.chunks.front().map(|chunk| (&chunk.bytes[chunk.gone..], chunk.due))
    }

    /// So many bytes of the first chunk have gone on.
    pub(super) fn gone(&mut self, count: usize) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        chunk.gone += count;
        self.length -= count;
        if chunk.gone == chunk.bytes.len() {
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"abc", now);
        queue.push(b"de", now);
        let mut left = Vec::new();
        while let Some((bytes, _)) = queue.first() {
            left.push(bytes[0]);
            queue.gone(1);
        }
        assert_eq!(left, b"abcde");
        assert!(queue.is_empty());
        assert_eq!(queue.room(), CAPACITY);
    }

    #[test]
    fn a_chunk_does_not_overtake_the_one_in_front_of_it() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(b"a", now + Duration::from_secs(2));
        queue.push(b"b", now + Duration::from_secs(1));
        queue.push(b"c", now + Duration::from_secs(3));
        let mut dues = Vec::new();
        while let Some((_, due)) = queue.first() {
            dues.push((due - now).as_secs());
            queue.gone(1);
        }
        assert_eq!(dues, [2, 2, 3]);
    }

    #[test]
    fn the_room_shrinks_by_what_waits() {
        let mut queue = Queue::default();
        queue.push(&[0; 1_000], Instant::now());
        queue.gone(300);
        assert_eq!(queue.room(), CAPACITY - 700);
        queue.push(&[0; CAPACITY], Instant::now());
        assert_eq!(queue.room(), 0);
    }
}
