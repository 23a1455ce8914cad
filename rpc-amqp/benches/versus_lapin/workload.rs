//! What is measured.

use super::command::{Manner, Operation, Side};

/// Something that all sides do, each in its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Without blanks; ratios are named after it.
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    pub(crate) in_flight: usize,
    pub(crate) size: usize,
    /// How many times as long as others.
    pub(crate) turns: u32,
    pub(crate) entrants: &'static [Entrant],
}

/// A side that takes turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant {
    pub(crate) side: Side,
    /// Used where a side of ours is compared with more than one way of doing it by hand.
    pub(crate) manner: Manner,
    /// What it is called in the names of ratios.
    pub(crate) name: &'static str,
}

const fn entrant(side: Side) -> Entrant {
    Entrant { side, manner: Manner::Concurrent, name: side.as_str() }
}

const ALL_SIDES: &[Entrant] = &[entrant(Side::Ours), entrant(Side::Bare), entrant(Side::Equal)];
const CONFIRMED: &[Entrant] = &[entrant(Side::Ours), entrant(Side::Equal)];
/// Ours against both ways of acknowledging each message.
const COLLECTORS: &[Entrant] = &[
    entrant(Side::Ours),
    Entrant { side: Side::Equal, manner: Manner::OneByOne, name: "one_by_one" },
    Entrant { side: Side::Equal, manner: Manner::Concurrent, name: "concurrent" },
];

/// How many operations that wait for a confirm alone are in flight.
const PIPELINED: usize = 256;

const fn call(name: &'static str, in_flight: usize, size: usize) -> Workload {
    Workload { name, operation: Operation::Call, in_flight, size, turns: 1, entrants: ALL_SIDES }
}

const fn pipelined(
    name: &'static str,
    operation: Operation,
    size: usize,
    entrants: &'static [Entrant],
) -> Workload {
    // A broker confirms what it keeps on disk when it has synced the disk, a few times in a second.
    let turns = if matches!(operation, Operation::Notify) { 2 } else { 1 };
    Workload { name, operation, in_flight: PIPELINED, size, turns, entrants }
}

pub(crate) const WORKLOADS: &[Workload] = &[
    call("call1_64B", 1, 64),
    call("call64_64B", 64, 64),
    call("call512_64B", 512, 64),
    call("call1_4KiB", 1, 4_096),
    call("call64_4KiB", 64, 4_096),
    call("call512_4KiB", 512, 4_096),
    pipelined("cast_64B", Operation::Cast, 64, CONFIRMED),
    pipelined("cast_4KiB", Operation::Cast, 4_096, CONFIRMED),
    // Not `bare`, which waits for nothing and floods its queues.
    pipelined("fanout16_64B", Operation::Fanout, 64, CONFIRMED),
    pipelined("notify_64B", Operation::Notify, 64, COLLECTORS),
];

/// The name of what is measured while events are consumed and acknowledged.
pub(crate) const CONSUME: &str = "consume_64B";
