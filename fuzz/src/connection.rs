//! What the guard hands on, taken in by a connection: it is understood, or it is the end, however it is read.

use std::collections::BTreeSet;

use rpc_amqp::fuzzing::{guarded, heard};

use crate::stream::Stream;

/// What each channel has published.
const LAST_TAG: u64 = 5;

pub fn check(octets: &[u8]) {
    let Some(Stream { frame_max, sizes, octets }) = Stream::read(octets) else { return };
    let passed = guarded(frame_max, octets, &[usize::MAX]).octets;
    let whole = heard(frame_max, &passed, &[usize::MAX]);
    assert_eq!(heard(frame_max, &passed, &sizes), whole, "reads of {sizes:?}");
    assert_eq!(heard(frame_max, &passed, &[1]), whole, "reads of one octet");
    let different: BTreeSet<_> = whole.confirmed.iter().collect();
    assert_eq!(different.len(), whole.confirmed.len(), "a tag was confirmed twice");
    assert!(whole.confirmed.iter().all(|(_, tag)| (1..=LAST_TAG).contains(tag)), "{:?}", whole.confirmed);
}
