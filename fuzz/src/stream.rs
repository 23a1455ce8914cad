//! What comes from a socket, and in which reads.

/// The largest frames that we ask for: the smallest that AMQP allows, and what is usual.
const FRAME_MAX: [u32; 2] = [4_096, 131_072];

/// A stream that arrives in reads. It is given as four octets, which say how large frames and reads are, and the rest.
pub(crate) struct Stream<'a> {
    pub(crate) frame_max: u32,
    /// The sizes of reads, in turn.
    pub(crate) sizes: [usize; 3],
    pub(crate) octets: &'a [u8],
}

impl<'a> Stream<'a> {
    pub(crate) fn read(octets: &'a [u8]) -> Option<Self> {
        let ([frame, sizes @ ..], octets) = octets.split_first_chunk::<4>()?;
        let frame_max = FRAME_MAX[usize::from(frame % 2)];
        Some(Self { frame_max, sizes: sizes.map(|size| usize::from(size) + 1), octets })
    }
}
