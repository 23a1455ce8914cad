//! What a proxy does to the bytes of one direction.

use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the client to the broker.
    Upstream,
    /// From the broker to the client.
    Downstream,
    /// Either way.
    Both,
}

/// What happens to the bytes of one direction of a connection.
///
/// Offsets and counts are those of one connection and one direction, from the start of the connection, whatever
/// the mode was until now. What is [injected](super::Proxy::inject) does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// They go on. The mode of a new proxy.
    Pass,
    /// Nothing is read and nothing goes on, and both sockets stay open: a black hole. It also hides that a peer
    /// has closed its socket.
    Hold,
    /// They go on later, in order: each after `delay`, give or take `jitter`.
    Delay {
        /// The time in the middle.
        delay: Duration,
        /// How much less or more it may be.
        jitter: Duration,
    },
    /// They go on at so many bytes a second.
    Rate(u32),
    /// They go on in pieces of at most so many bytes.
    Slice(usize),
    /// So many bytes go on, then both sockets are closed with FIN. At once, if more have gone already.
    CutAfter(u64),
    /// One bit of one byte is inverted.
    FlipAt {
        /// Which byte; the first is 0.
        offset: u64,
        /// Which bit, from 0, the lowest, to 7.
        bit: u8,
    },
    /// One bit of one byte in so many is inverted.
    FlipEvery {
        /// The length of a stretch, in bytes, in which one bit is inverted.
        bytes: u64,
        /// Decides which one. The same seed inverts the same bits.
        seed: u64,
    },
}

impl Mode {
    /// Whether it inverts bits at all.
    pub(super) const fn flips(self) -> bool {
        matches!(self, Self::FlipAt { .. } | Self::FlipEvery { .. })
    }

    /// The bits to invert in the byte at `offset`.
    pub(super) fn mask(self, offset: u64) -> u8 {
        match self {
            Self::FlipAt { offset: at, bit } if at == offset => 1 << (bit % 8),
            Self::FlipEvery { bytes, seed } => {
                let bytes = bytes.max(1);
                let chance = mix(seed ^ mix(offset / bytes));
                if offset % bytes == (chance >> 3) % bytes { 1 << (chance % 8) } else { 0 }
            }
            _ => 0,
        }
    }

    /// How long the chunk with this number has to wait.
    pub(super) fn wait(self, number: u64) -> Duration {
        let Self::Delay { delay, jitter } = self else { return Duration::ZERO };
        let most = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) * 2;
        (delay + Duration::from_micros(mix(number) % (most + 1))).saturating_sub(jitter)
    }
}

/// Spreads a number over all 64 bits: one step of the generator SplitMix64.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flipped(mode: Mode, length: u64) -> Vec<(u64, u8)> {
        (0..length).map(|offset| (offset, mode.mask(offset))).filter(|(_, mask)| *mask != 0).collect()
    }

    #[test]
    fn one_bit_of_one_byte_is_inverted() {
        assert_eq!(flipped(Mode::FlipAt { offset: 3, bit: 7 }, 1_000), [(3, 128)]);
        assert_eq!(flipped(Mode::Pass, 1_000), []);
    }

    #[test]
    fn one_bit_in_each_stretch_is_inverted_and_the_seed_says_which() {
        let all = |seed| flipped(Mode::FlipEvery { bytes: 100, seed }, 10_000);
        let stretches: Vec<_> = all(1).iter().map(|(offset, _)| offset / 100).collect();
        assert_eq!(stretches, (0..100).collect::<Vec<_>>());
        assert!(all(1).iter().all(|(_, mask)| mask.count_ones() == 1));
        assert!((0..8).all(|bit| all(1).iter().any(|(_, mask)| *mask == 1 << bit)));
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        assert_eq!(flipped(Mode::FlipEvery { bytes: 1, seed: 0 }, 10).len(), 10);
    }

    #[test]
    fn the_wait_is_around_the_delay() {
        let milliseconds = Duration::from_millis;
        let mode = Mode::Delay { delay: milliseconds(200), jitter: milliseconds(100) };
        let waits: Vec<_> = (0..1_000).map(|number| mode.wait(number)).collect();
        assert!(waits.iter().all(|wait| (milliseconds(100)..=milliseconds(300)).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < milliseconds(110)));
        assert!(waits.iter().any(|wait| *wait > milliseconds(290)));
        let exact = Mode::Delay { delay: milliseconds(5), jitter: Duration::ZERO };
        assert_eq!(exact.wait(17), milliseconds(5));
        let wide = Mode::Delay { delay: milliseconds(5), jitter: Duration::MAX / 2 };
        assert!(wide.wait(17) < Duration::MAX);
        assert_eq!(Mode::Pass.wait(17), Duration::ZERO);
    }
}
