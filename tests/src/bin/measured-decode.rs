//! Decodes hostile bodies, each on a thread with a small stack, and says how much memory each took at most.
//!
//! One line for each: `name=… body=… peak=… outcome=…`, in bytes. It is a program of its own because all allocations of its
//! process are counted.

use std::thread::Builder;

use ::tests::chaos::Words;
use peak_alloc::PeakAlloc;
use rpc_core::{ContentType, Payload, Value, codec};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const STACK: usize = 512 * 1024;
const DEEP: usize = 1_000_000;
/// What a server takes at most, unless it is told otherwise.
const LARGEST: usize = 4 << 20;

fn main() {
    for (name, content_type, body) in bodies() {
        let (size, payload) = (body.len(), Payload::new(content_type, body.into()));
        let decoding = Builder::new().stack_size(STACK).spawn(move || {
            MEMORY.reset_peak_usage();
            let before = MEMORY.current_usage();
            let decoded = codec::decode::<Value>(&payload);
            (MEMORY.peak_usage().saturating_sub(before), decoded.is_ok())
        });
        let (peak, is_ok) = decoding.expect("a thread starts").join().expect("decoding does not panic");
        let words = Words::default().with("name", name).with("body", size).with("peak", peak);
        println!("{}", words.with("outcome", if is_ok { "ok" } else { "error" }));
    }
}

fn bodies() -> Vec<(&'static str, ContentType, Vec<u8>)> {
    let (pack, json) = (ContentType::MessagePack, ContentType::Json);
    let nil = vec![0xc0];
    vec![
        ("lists-in-lists", pack, [vec![0x91; DEEP], nil.clone()].concat()),
        ("maps-in-maps", pack, [b"\x81\xa1a".repeat(DEEP), nil].concat()),
        ("json-lists-in-lists", json, ["[".repeat(DEEP), "]".repeat(DEEP)].concat().into()),
        ("json-maps-in-maps", json, [r#"{"a":"#.repeat(DEEP), "0".into(), "}".repeat(DEEP)].concat().into()),
        ("list-of-2^32-1", pack, b"\xdd\xff\xff\xff\xff\x00".to_vec()),
        ("map-of-2^32-1", pack, b"\xdf\xff\xff\xff\xff\xa1a\x00".to_vec()),
        ("text-of-2^32-1", pack, b"\xdb\xff\xff\xff\xffabc".to_vec()),
        ("bytes-of-2^32-1", pack, b"\xc6\xff\xff\xff\xffabc".to_vec()),
        ("map-of-a-million-keys", pack, map()),
        ("list-of-four-million", pack, list()),
    ]
}

/// As many pairs of a short key and a small number as fit, a million at most.
fn map() -> Vec<u8> {
    let mut body = vec![0xdf, 0, 0, 0, 0];
    let mut count = 0_u32;
    while count < 1_000_000 && body.len() + 9 < LARGEST {
        let key = format!("{count:x}");
        body.push(0xa0 | u8::try_from(key.len()).expect("a short key"));
        body.extend_from_slice(key.as_bytes());
        body.push(0);
        count += 1;
    }
    body[1..5].copy_from_slice(&count.to_be_bytes());
    body
}

fn list() -> Vec<u8> {
    let count = u32::try_from(LARGEST - 5).expect("four million");
    let mut body = vec![0xdd];
    body.extend_from_slice(&count.to_be_bytes());
    body.resize(LARGEST, 0);
    body
}
