//! What the guard hands on, read by the parser below lapin on a small stack: whatever a stranger can have written is
//! read, and nothing in it is deep.

use amq_protocol::frame::{AMQPFrame, parse_frame};
use amq_protocol::types::{AMQPValue, FieldTable};
use rpc_amqp::fuzzing::guarded;

use crate::frames::{DELIVER, END, GET_OK, HEADER, METHOD, RETURN};
use crate::small_stack::on_small_stack;
use crate::stream::Stream;

/// How many tables and arrays may be in each other.
const DEEPEST: usize = 16;
/// So many can be read without a guard, on any stack.
const HARMLESS: usize = 64;
/// The longest payload of a header that no guard cuts.
const NEVER_CUT: usize = 4_096 - 8;

pub fn check(octets: &[u8]) {
    let Some(Stream { frame_max, sizes, octets }) = Stream::read(octets) else { return };
    let passed = guarded(frame_max, octets, &sizes).octets;
    on_small_stack(|| {
        for frame in Frames(&passed) {
            match parsed(frame) {
                Some(depth) => assert!(depth <= DEEPEST, "{depth} levels"),
                None => assert!(!is_strangers(frame), "not readable: {frame:x?}"),
            }
        }
        // As it arrives: one after the other, until there is no whole frame.
        let mut rest = &passed[..];
        while let Ok((later, _)) = parse_frame(rest) {
            rest = later;
        }
    });
    if is_clean(octets) {
        assert_eq!(passed, octets, "what could be read was changed");
    }
}

/// How deep the tables in a frame are; `None` if it cannot be read.
fn parsed(frame: &[u8]) -> Option<usize> {
    let (_, frame) = parse_frame(frame).ok()?;
    match &frame {
        AMQPFrame::Header(_, header) => Some(header.properties.headers().as_ref().map_or(0, table_depth)),
        _ => Some(0),
    }
}

fn table_depth(table: &FieldTable) -> usize {
    1 + table.inner().values().map(depth).max().unwrap_or(0)
}

fn depth(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::FieldTable(table) => table_depth(table),
        AMQPValue::FieldArray(array) => 1 + array.as_slice().iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a stranger is to blame if it cannot be read: whatever a broker has to write in such a frame is right.
fn is_strangers(frame: &[u8]) -> bool {
    let (Some(kind), Some(payload)) = (frame.first(), frame.get(7..frame.len() - 1)) else { return false };
    let lengths = match (*kind, payload.first_chunk()) {
        (HEADER, _) => 14..=usize::MAX,
        (METHOD, Some(&DELIVER)) => 4 + 12..=4 + 12 + 3 * 255,
        (METHOD, Some(&RETURN)) => 4 + 5..=4 + 5 + 3 * 255,
        (METHOD, Some(&GET_OK)) => 4 + 15..=4 + 15 + 2 * 255,
        _ => return false,
    };
    frame.ends_with(&[END]) && lengths.contains(&payload.len())
}

/// Whether the parser reads all of it, without going too deep.
fn is_clean(octets: &[u8]) -> bool {
    // Looked at first, because the parser would not survive it.
    if octets.iter().filter(|octet| matches!(octet, b'F' | b'A')).count() > HARMLESS {
        return false;
    }
    let mut rest = octets;
    while !rest.is_empty() {
        let Ok((later, frame)) = parse_frame(rest) else { return false };
        let length = rest.len() - later.len() - 8;
        let fits = match &frame {
            AMQPFrame::Header(_, header) => {
                length <= NEVER_CUT && header.properties.headers().as_ref().map_or(0, table_depth) <= DEEPEST
            }
            _ => true,
        };
        if !fits {
            return false;
        }
        rest = later;
    }
    true
}

/// Every whole frame, up to what is none.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let [kind, _, _, a, b, c, d, ..] = *self.0 else { return None };
        let length = match kind {
            b'A' => 8,
            1..=3 | 8 => 8 + usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?,
            _ => return None,
        };
        let (frame, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(frame)
    }
}
