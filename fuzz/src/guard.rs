//! The guard: what is not a stranger's stays as it is, nothing is lost but what does not fit into a frame, and it does
//! not matter how the octets are read.

use rpc_amqp::fuzzing::guarded;

use crate::frames::{BODY, DELIVER, GET_OK, HEADER, HEARTBEAT, METHOD, RETURN, TUNE};
use crate::stream::Stream;

/// Messages of which a method may be remembered.
const MOST_BEGUN: usize = 2_047;
/// Type, channel and length of a frame.
const START: usize = 7;
/// Class, weight, size of the body and flags.
const SHORTEST_HEADER: u32 = 14;
/// What surrounds a payload.
const AROUND: u32 = 8;

pub fn check(octets: &[u8]) {
    let Some(Stream { frame_max, sizes, octets }) = Stream::read(octets) else { return };
    let whole = guarded(frame_max, octets, &[usize::MAX]);
    assert_eq!(guarded(frame_max, octets, &sizes), whole, "reads of {sizes:?}");
    assert_eq!(guarded(frame_max, octets, &[1]), whole, "reads of one octet");
    assert!(whole.begun <= MOST_BEGUN && !whole.overflow);

    let cut = cut(frame_max, octets, &whole.octets);
    assert_eq!(whole.octets.len() + cut, octets.len(), "octets were lost");

    let again = guarded(frame_max, &whole.octets, &[usize::MAX]);
    assert_eq!(again.octets, whole.octets, "what came out is not good enough to stay");
    assert_eq!((again.deliveries, again.returns), (0, 0));
    if cut == 0 && whole.octets == octets {
        assert_eq!(whole, again, "what is good was marked");
    }
}

/// Walks both streams side by side, and returns how many octets were cut off.
fn cut(mut frame_max: u32, mut before: &[u8], mut after: &[u8]) -> usize {
    let mut cut = 0;
    while let ([kind, ..], true) = (before, before.len() >= START) {
        if *kind == b'A' {
            let length = before.len().min(8);
            assert_eq!(take(&mut before, length), take(&mut after, length));
            continue;
        }
        if ![METHOD, HEADER, BODY, HEARTBEAT].contains(kind) {
            assert_eq!(before, after, "behind what is no frame");
            return cut;
        }
        let (start, passed) = (take(&mut before, START), take(&mut after, START));
        assert_eq!(start[..3], passed[..3], "type and channel");
        let (length, kept) = (number(&start[3..]), number(&passed[3..]));
        let longest = frame_max - AROUND;
        let fits = *kind != HEADER || (SHORTEST_HEADER..=longest).contains(&length);
        assert!(if fits { kept == length } else { (SHORTEST_HEADER..=longest).contains(&kept) });

        let (payload, passed) = (take(&mut before, size(kept)), take(&mut after, size(kept)));
        check_payload(*kind, payload, passed);
        if let Some(largest) = tuned(*kind, length, payload) {
            frame_max = frame_max.min(largest).max(4_096);
        }
        cut += take(&mut before, size(length.saturating_sub(kept))).len();
        assert_eq!(take(&mut before, 1), take(&mut after, 1), "the end of a frame");
    }
    // The start of a frame that has not arrived whole.
    assert_eq!(before.len(), after.len());
    assert_eq!(before.get(..3), after.get(..3));
    cut
}

/// Only what a stranger can have written may change.
fn check_payload(kind: u8, before: &[u8], after: &[u8]) {
    assert_eq!(before.len(), after.len());
    let is_strangers = [DELIVER, RETURN, GET_OK].iter().any(|method| before.starts_with(method));
    let fixed = match kind {
        // Class, weight, and size of the body.
        HEADER => 12,
        METHOD if is_strangers => 4,
        _ => before.len(),
    };
    let fixed = fixed.min(before.len());
    assert_eq!(before[..fixed], after[..fixed], "what only a broker writes");
}

/// The largest frame that the broker takes, if that is what it says.
fn tuned(kind: u8, length: u32, payload: &[u8]) -> Option<u32> {
    let says = kind == METHOD && length >= 10 && payload.len() >= 10 && payload.starts_with(&TUNE);
    says.then(|| number(&payload[6..10])).filter(|largest| *largest > 0)
}

/// Up to so many octets off the front.
fn take<'a>(octets: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = octets.split_at(length.min(octets.len()));
    *octets = rest;
    taken
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

fn size(length: u32) -> usize {
    usize::try_from(length).expect("usize has 32 bits at least")
}
