//! What the guard promises, checked with the parser that it protects.

mod any;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::start::{BODY, HEADER, METHOD};
use super::{Distrust, Findings, Guard, Published};
use amq_protocol::frame::{AMQPFrame, parse_frame};
use lapin::protocol::{AMQPClass, basic};
use lapin::types::{AMQPValue, FieldTable};

const CHANNEL: u16 = 3;
const TAG: u64 = 70_000;
const FRAME_MAX: u32 = 131_072;
/// Less than any thread has that reads a socket.
const SMALL_STACK: usize = 256 * 1_024;

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()][..], text].concat()
}

fn long(octets: &[u8]) -> Vec<u8> {
    [&u32::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat()
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &CHANNEL.to_be_bytes(), &long(payload), &[0xce]].concat()
}

fn method(identifier: u32, arguments: &[u8]) -> Vec<u8> {
    frame(METHOD, &[&identifier.to_be_bytes()[..], arguments].concat())
}

fn deliver(names: [&[u8]; 3]) -> Vec<u8> {
    let [consumer, exchange, key] = names.map(short);
    method(super::DELIVER, &[&consumer[..], &TAG.to_be_bytes(), &[1], &exchange, &key].concat())
}

fn returned(names: [&[u8]; 3]) -> Vec<u8> {
    let [text, exchange, key] = names.map(short);
    method(super::RETURN, &[&312_u16.to_be_bytes()[..], &text, &exchange, &key].concat())
}

fn get_ok(names: [&[u8]; 3]) -> Vec<u8> {
    let [_, exchange, key] = names.map(short);
    method(super::GET_OK, &[&TAG.to_be_bytes()[..], &[0], &exchange, &key, &[0; 4]].concat())
}

fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
    let start = [&60_u16.to_be_bytes()[..], &[0, 0], &1_u64.to_be_bytes(), &flags.to_be_bytes()].concat();
    frame(HEADER, &[&start[..], properties].concat())
}

/// Headers with tables or arrays in each other, so many levels with the headers themselves.
fn nested(levels: usize, kind: u8) -> Vec<u8> {
    let name = |kind| if kind == b'F' { vec![1, b'a'] } else { Vec::new() };
    let inner =
        (2..levels).fold(Vec::new(), |inner: Vec<u8>, _| [&name(kind)[..], &[kind], &long(&inner)].concat());
    let outer = if levels > 1 { [&[1, b'a'][..], &[kind], &long(&inner)].concat() } else { Vec::new() };
    header(1 << 13, &long(&outer))
}

/// What comes out of the guard, reads being of these sizes in turn, and whether the delivery was marked.
fn passed(input: &[u8], sizes: &[usize]) -> (Vec<u8>, bool) {
    passed_within(FRAME_MAX, input, sizes)
}

fn passed_within(frame_max: u32, input: &[u8], sizes: &[usize]) -> (Vec<u8>, bool) {
    let findings = Arc::new(Findings::default());
    let mut guard = Guard::new(Arc::clone(&findings), Arc::default(), frame_max);
    let mut input = input.to_vec();
    let mut output = Vec::new();
    let mut rest = &mut input[..];
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, later) = rest.split_at_mut((*size).clamp(1, rest.len()));
        let kept = guard.pass(read).unwrap();
        output.extend_from_slice(&read[..kept]);
        rest = later;
    }
    let is_marked = findings.take(CHANNEL, TAG).is_some();
    (output, is_marked)
}

/// Reads all frames with the library's parser, on a small stack. `None` if it refuses any.
fn parsed(octets: &[u8]) -> Option<Vec<AMQPFrame>> {
    let octets = octets.to_vec();
    let parse = move || {
        let (mut rest, mut frames) = (&octets[..], Vec::new());
        while !rest.is_empty() {
            let (later, frame) = parse_frame(rest).ok()?;
            frames.push(frame);
            rest = later;
        }
        Some(frames)
    };
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(parse).unwrap().join().unwrap()
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

/// Whether the library reads it, and nothing in it is deeper than allowed.
fn is_harmless(octets: &[u8]) -> bool {
    parsed(octets).is_some_and(|frames| {
        frames.iter().all(|frame| match frame {
            AMQPFrame::Header(_, header) => header.properties.headers().as_ref().map_or(0, table_depth) <= 16,
            _ => true,
        })
    })
}

#[test]
fn the_parser_is_the_one_that_the_library_uses() {
    // Compiles only if both are of one version.
    let class = |frame: AMQPFrame| -> Option<AMQPClass> {
        if let AMQPFrame::Method(_, class) = frame { Some(class) } else { None }
    };
    let frames = parsed(&deliver([b"rpc-0", b"x", b"key"])).unwrap();
    let [frame] = <[AMQPFrame; 1]>::try_from(frames).unwrap();
    let Some(AMQPClass::Basic(basic::AMQPMethod::Deliver(deliver))) = class(frame) else { panic!() };
    assert_eq!((deliver.delivery_tag, deliver.redelivered, deliver.routing_key.as_str()), (TAG, true, "key"));
}

#[test]
fn sixteen_levels_are_kept_and_what_is_deeper_is_cut_off() {
    for kind in [b'F', b'A'] {
        for levels in [1, 2, 16] {
            let input = [deliver([b"", b"", b""]), nested(levels, kind)].concat();
            assert_eq!(passed(&input, &[usize::MAX]), (input, false));
        }
        for levels in [17, 18, 1_500, 15_000] {
            let input = [deliver([b"", b"", b""]), nested(levels, kind)].concat();
            let (output, is_marked) = passed(&input, &[usize::MAX]);
            assert!(is_marked && is_harmless(&output), "{levels}");
            let changed = input.iter().zip(&output).filter(|(before, after)| before != after);
            assert_eq!(changed.collect::<Vec<_>>(), [(&kind, &b'x')]);
        }
    }
    // In 128 KiB.
    let input = nested(26_000, b'A');
    assert!(is_harmless(&passed(&input, &[1]).0));
}

/// Every length around the end of what contains it.
#[test]
fn lengths_at_the_edge_are_made_to_fit() {
    let mut inputs = Vec::new();
    for (kind, length, behind) in b"FASxVtsITD?"
        .iter()
        .flat_map(|kind| (0..16).flat_map(move |length| (0..14).map(move |more| (*kind, length, more))))
    {
        let value = [&[kind, 0, 0, 0, length][..], &vec![0; behind]].concat();
        let entry = [&[0][..], &value].concat();
        let in_array = [&[0, b'A'][..], &long(&value)].concat();
        let in_table = [&[0, b'F'][..], &long(&entry)].concat();
        inputs.extend([entry, in_array, in_table].map(|table| header(1 << 13, &long(&table))));
    }
    // A string before headers that may be left with too little, with another string behind them and without.
    for (flags, length, behind) in [0xa000, 0xa400, 0x6000, 0xe000, 0xa080]
        .into_iter()
        .flat_map(|flags| (0..16).flat_map(move |length| (0..24).map(move |more| (flags, length, more))))
    {
        inputs.push(header(flags, &[&[length][..], &vec![0; behind]].concat()));
    }
    let begin = deliver([b"", b"", b""]);
    for input in inputs.into_iter().map(|header| [&begin[..], &header].concat()) {
        let (output, is_marked) = passed(&input, &[1]);
        assert!(is_harmless(&output), "{input:x?} became {output:x?}");
        assert_eq!((is_harmless(&input), is_marked), (input == output, input != output), "{input:x?}");
    }
}

#[test]
fn headers_that_do_not_fit_into_a_frame_are_cut() {
    let tune = |frame_max: u32| {
        method(super::CONNECTION_TUNE, &[&[7, 255][..], &frame_max.to_be_bytes(), &[0, 60]].concat())
    };
    let sized =
        |length: usize| header(1 << 13, &long(&[&[0, b'x'][..], &long(&vec![7; length - 24])].concat()));
    let body = frame(BODY, b"body");
    for (offered, most) in [(0, 65_528), (1 << 20, 65_528), (8_192, 8_184)] {
        for (length, is_cut) in [(most, false), (most + 1, true), (most + 8, true), (500_000, true)] {
            let input = [tune(offered), deliver([b"", b"", b""]), sized(length), body.clone()].concat();
            let (output, is_marked) = passed_within(65_536, &input, &[usize::MAX]);
            assert_eq!((is_marked, input != output), (is_cut, is_cut), "{length} of {most}");
            assert!(is_harmless(&output) && output.ends_with(&body));
            assert!(output.len() <= input.len().min(most + 200), "{length} of {most}");
            for size in [1, 4_097] {
                assert_eq!(passed_within(65_536, &input, &[size]).0, output);
            }
        }
    }
}

#[test]
fn each_string_is_made_text_and_its_message_marked() {
    let good = |at: usize, bad: usize| -> &[u8] { if at == bad { b"a\xffb" } else { "é".as_bytes() } };
    let plain = header(0, b"");
    for bad in 0..3 {
        let names = [good(0, bad), good(1, bad), good(2, bad)];
        let input = [deliver(names), plain.clone()].concat();
        let (output, is_marked) = passed(&input, &[5]);
        assert!(is_marked && is_harmless(&output), "deliver, string {bad}");
    }
    for bit in [15, 14, 10, 9, 8, 7, 5, 4, 3, 2] {
        let input = [deliver([b"", b"", b""]), header(1 << bit, &short(b"\xfe\xff"))].concat();
        let (output, is_marked) = passed(&input, &[1]);
        assert!(is_marked && is_harmless(&output), "property {bit}");
        assert!(output.ends_with(b"\x02??\xce"), "property {bit}: {output:x?}");
    }
    let named = long(&[&short(b"\xc3")[..], b"V"].concat());
    let (output, is_marked) = passed(&[get_ok([b"", b"", b""]), header(1 << 13, &named)].concat(), &[3]);
    assert!(is_marked && output.ends_with(b"\x01?V\xce"));
}

#[test]
fn a_changed_return_is_counted_once_and_marks_nothing() {
    let findings = Arc::new(Findings::default());
    let mut guard = Guard::new(Arc::clone(&findings), Arc::default(), FRAME_MAX);
    guard.pass(&mut [returned([b"\xff", b"", b""]), header(1 << 7, &short(b"\xff"))].concat()).unwrap();
    guard.pass(&mut [returned([b"NO_ROUTE", b"", b""]), header(1 << 7, &short(b"id"))].concat()).unwrap();
    let report = findings.report(tokio::time::Instant::now()).unwrap();
    assert_eq!((report.deliveries, report.returns), (0, 1));
}

#[test]
fn a_change_is_put_down_to_the_message_of_its_channel() {
    let mut on_other_channel = deliver([b"", b"", b""]);
    on_other_channel[2] = 9;
    let input = [deliver([b"", b"", b""]), on_other_channel, header(1 << 7, &short(b"\xff"))].concat();
    assert!(passed(&input, &[usize::MAX]).1);
    let then_good = [input, deliver([b"", b"", b""]), header(0, b"")].concat();
    assert!(passed(&then_good, &[usize::MAX]).1);
    let reopened = [then_good, method(super::CHANNEL_OPEN_OK, &long(b""))].concat();
    assert!(!passed(&reopened, &[usize::MAX]).1);
}

#[test]
fn what_a_broker_of_another_version_says_is_passed_on() {
    let input = [&b"AMQP\x00\x00\x09\x01"[..], &nested(20, b'F')].concat();
    let (output, _) = passed(&input, &[3]);
    assert!(output.starts_with(b"AMQP\x00\x00\x09\x01") && is_harmless(&output));
}

#[test]
fn a_confirm_of_what_waits_for_none_ends_the_connection() {
    let confirm = |identifier, tag: u64, multiple| {
        method(identifier, &[&tag.to_be_bytes()[..], &[u8::from(multiple)]].concat())
    };
    let last = |frames: &[Vec<u8>], size: usize| {
        let published = Arc::<Published>::default();
        let mut guard = Guard::new(Arc::default(), Arc::clone(&published), FRAME_MAX);
        guard.pass(&mut method(super::CHANNEL_OPEN_OK, &long(b""))).unwrap();
        published.on(CHANNEL).store(300, Ordering::Release);
        frames.concat().chunks_mut(size).map(|read| guard.pass(read)).find_map(Result::err)
    };
    for size in [1, 5, 64, 1_000] {
        let good = [
            confirm(super::ACK, 2, false),
            confirm(super::NACK, 4, true),
            confirm(super::ACK, 300, false),
            confirm(super::ACK, 0, true),
        ];
        assert_eq!(last(&good, size), None);
        for wrong in
            [confirm(super::ACK, 2, false), confirm(super::NACK, 301, false), confirm(super::ACK, 512, true)]
        {
            let frames = [good[0].clone(), wrong];
            assert!(matches!(last(&frames, size), Some(Distrust::Misplaced(_))), "{frames:x?}");
        }
    }
}
