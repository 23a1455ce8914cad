//! Writes the seeds: for each target a few inputs that get it past the first checks, and those that once did harm.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`

use std::path::Path;
use std::{fs, io};

use rpc_fuzz::frames::{
    ACK, BODY, CANCEL, CHANNEL_CLOSE, CHANNEL_OPEN_OK, HEARTBEAT, NACK, Properties, deliver, frame, get_ok,
    header, long, method, returned, short, tune,
};

const NOT_TEXT: &[u8] = b"caf\xe9";
const REPLY_TO: &[u8] = b"reply.raw.0123456789abcdef0123456789abcdef";
/// From RabbitMQ 3.10.
const DIRECT: &[u8] =
    b"amq.rabbitmq.reply-to.g1h2AA5yZXBseUAyMDU0MTQ0NAAAAqsAAAAAawLWNA==./sWbMb1wGRuYZQHC7+8QqA==";

type Seed = (&'static str, Vec<u8>);

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in [
        ("guard", streams()),
        ("guard_then_lapin", streams()),
        ("connection", [streams(), confirms()].concat()),
        ("request", requests()),
        ("reply", replies()),
        ("notification", notifications()),
        ("dead_letter", dead_letters()),
        ("url", urls()),
        ("reply_address", reply_addresses()),
    ] {
        let folder = corpus.join(target);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&folder)?,
        }
        for (name, octets) in seeds {
            fs::write(folder.join(name), octets)?;
        }
    }
    Ok(())
}

/// What a broker sends, in large frames and three sizes of reads.
fn streams() -> Vec<Seed> {
    let stream = |parts: &[Vec<u8>]| [vec![1, 0, 6, 99], parts.concat()].concat();
    let message = |properties: Properties| {
        stream(&[deliver(b"key"), header(&properties.octets()), frame(BODY, b"x"), frame(HEARTBEAT, b"")])
    };
    let none = Properties::default;
    let all = request("join").user_id(b"ann").timestamp(1_700_000_000);
    let odd = none().header(b"", b"?").header(b"a", b"T").header(b"b", b"F\xff\xff\xff\xff");
    vec![
        ("plain", message(all)),
        ("tables-1500", message(none().nested(1_500, b'F'))),
        ("arrays-1500", message(none().nested(1_500, b'A'))),
        ("tables-16", message(none().nested(16, b'F'))),
        ("tables-17", message(none().nested(17, b'F'))),
        ("id-not-text", message(none().correlation_id(NOT_TEXT).message_id(NOT_TEXT))),
        ("name-not-text", message(none().header(NOT_TEXT, b"V"))),
        ("key-not-text", stream(&[deliver(NOT_TEXT), header(&none().octets())])),
        ("returned-not-text", stream(&[returned(NOT_TEXT), header(&none().octets()), frame(BODY, b"x")])),
        ("got-not-text", stream(&[get_ok(NOT_TEXT), header(&none().octets()), frame(BODY, b"x")])),
        ("values", message(values())),
        ("layout", message(odd)),
        ("short-header", stream(&[deliver(b"key"), frame(2, b"\x00\x3c\x00")])),
        (
            "long-header",
            stream(&[
                tune(4_096),
                deliver(b"key"),
                header(&none().text("a", &"b".repeat(5_000)).octets()),
                frame(BODY, b"x"),
            ]),
        ),
        ("reopened", stream(&[deliver(NOT_TEXT), method(CHANNEL_OPEN_OK, &long(b"")), deliver(b"key")])),
        ("another-version", stream(&[b"AMQP\x00\x00\x09\x01".to_vec(), deliver(b"key")])),
    ]
}

/// What a broker says about messages that it was sent.
fn confirms() -> Vec<Seed> {
    let stream = |parts: &[Vec<u8>]| [vec![1, 0, 6, 99], parts.concat()].concat();
    let confirm = |kind, tag, bits| method(kind, &[0, 0, 0, 0, 0, 0, 0, tag, bits]);
    let back = [returned(b"key"), header(&Properties::default().octets()), frame(BODY, b"x")].concat();
    let close = [&[1, 148][..], &short(b"NOT_FOUND"), &[0; 4]].concat();
    vec![
        ("one-by-one", stream(&[confirm(ACK, 2, 0), confirm(NACK, 1, 0), confirm(ACK, 2, 0)])),
        ("many", stream(&[confirm(ACK, 3, 1), confirm(NACK, 0, 1)])),
        ("returned", stream(&[back, confirm(ACK, 1, 0)])),
        ("cancelled", stream(&[method(CANCEL, &[short(b"rpc-0"), vec![1]].concat()), deliver(b"key")])),
        ("closed", stream(&[method(CHANNEL_CLOSE, &close), confirm(ACK, 1, 0)])),
    ]
}

/// A header with a value of each type.
fn values() -> Properties {
    let values: [&[u8]; 17] = [
        b"V",
        b"t\x01",
        b"b\x01",
        b"B\x01",
        b"s\x00\x01",
        b"u\x00\x01",
        b"U\x00\x01",
        b"I\x00\x00\x00\x01",
        b"i\x00\x00\x00\x01",
        b"f\x3f\x80\x00\x00",
        b"D\x01\x00\x00\x00\x01",
        b"l\x00\x00\x00\x00\x00\x00\x00\x01",
        b"L\x00\x00\x00\x00\x00\x00\x00\x01",
        b"d\x3f\xf0\x00\x00\x00\x00\x00\x00",
        b"T\x00\x00\x00\x00\x00\x00\x00\x01",
        b"S\x00\x00\x00\x01a",
        b"x\x00\x00\x00\x01a",
    ];
    values.iter().fold(Properties::default(), |properties, value| properties.header(&value[..1], value))
}

/// A cast of `method`.
fn request(method: &str) -> Properties {
    Properties::default()
        .kind(b"request")
        .content_type(b"application/msgpack")
        .message_id(b"m-1")
        .delivery_mode(2)
        .text("namespace", "table")
        .text("version", "1.2")
        .text("method", method)
}

fn call(method: &str) -> Properties {
    request(method).reply_to(REPLY_TO).correlation_id(b"c-1").expiration(b"5000").number("timeout-ms", 5_000)
}

fn requests() -> Vec<Seed> {
    let full = call("double")
        .text("request-id", "r-1")
        .number("attempt", 2)
        .text("idempotency-key", "k-1")
        .text("accept-encoding", "zstd")
        .text("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .text("tracestate", "a=b")
        .text("baggage", "c=d")
        .text("meta-user", "ann");
    let json = |method: &str| call(method).content_type(b"application/json");
    let double = b"\x81\xa6number\x15";
    let keep = |value: &[u8]| [b"\x81\xa6record", value].concat();
    // A frame of one block that repeats an octet 1 MiB times.
    let bomb = b"\x28\xb5\x2f\xfd\xa4\x00\x00\x10\x00\x02\x00\x10\x90\x02\x00\x10\x90\x02\x00\x10\x90\x02\x00\x10\x90\x02\x00\x10\x90\x02\x00\x10\x90\x02\x00\x10\x90\x03\x00\x10\x90";
    vec![
        ("double", full.message(double)),
        ("double-json", json("double").message(br#"{"number":21}"#)),
        ("join", call("join").message(b"\x82\xa5words\x92\xa1a\xa1b\xa9separator\xa1,")),
        ("keep", call("keep").message(&keep(b"\x86\xa1a\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa1b\xc4\x01x\xa1c\xc0\xa1d\xc3\xa1e\xd3\xff\xff\xff\xff\xff\xff\xff\xff\xa1f\x90"))),
        ("copy", call("copy").message(&keep(RECORD))),
        ("copy-json", json("copy").message(br#"{"record":{"number":1,"text":"a","shape":{"Named":{"list":[1,null]}},"more":{"b":[1.5]}}}"#)),
        ("refuse", call("refuse").message(b"\x81\xa6number\x01")),
        ("note", request("note").message(&keep(RECORD))),
        ("note-twice", [&[0x80][..], &request("note").message(&keep(RECORD))[1..]].concat()),
        ("lists-65", call("keep").message(&keep(&[vec![0x91; 65], vec![0xc0]].concat()))),
        ("lists-8000", call("keep").message(&keep(&vec![0x91; 8_000]))),
        ("json-8000", json("keep").message(format!(r#"{{"record":{}"#, "[".repeat(8_000)).as_bytes())),
        ("length-4-gib", call("keep").message(b"\xdf\xff\xff\xff\xff\xa4left\x01")),
        ("zstd-1-mib", call("keep").content_encoding(b"zstd").message(bomb)),
        ("unknown-argument", json("double").message(br#"{"number":1,"\u001b[2J":2}"#)),
        ("unknown-method", call("clone").message(double)),
        ("expired", call("double").number("timeout-ms", 0).message(double)),
        ("direct", call("double").reply_to(DIRECT).message(double)),
        ("tables-1500", call("double").nested(1_500, b'F').message(double)),
    ]
}

/// `Record` in MessagePack.
const RECORD: &[u8] = b"\x83\xa6number\x01\xa4text\xa1a\xa5shape\x81\xa3Two\x92\xa1b\xc2";

fn replies() -> Vec<Seed> {
    let reply = |status: &str| {
        Properties::default()
            .kind(b"reply")
            .content_type(b"application/msgpack")
            .message_id(b"m-1")
            .correlation_id(b"0123456789abcdef0123456789abcdef")
            .expiration(b"5000")
            .text("status", status)
            .text("server", "cell-1")
    };
    let failure = |code: &str| {
        reply("error")
            .text("code", code)
            .text("message", "no")
            .text("executed", "executed")
            .text("retryable", "true")
            .number("retry-after-ms", 100)
            .text("error-type", "Refused")
    };
    let json = |properties: Properties| properties.content_type(b"application/json");
    vec![
        ("record", reply("ok").message(RECORD)),
        ("record-json", json(reply("ok")).message(br#"{"number":1,"text":"a","shape":"Unit"}"#)),
        ("list", reply("ok").message(b"\x93\x01\xc0\xcd\x01\x00")),
        ("nothing", reply("ok").message(b"\xc0")),
        ("service-error", failure("service_error").message(b"\x81\xa6Number\x01")),
        ("service-error-json", json(failure("service_error")).message(br#"{"Number":1}"#)),
        ("overloaded", failure("overloaded").message(b"\xc0")),
        ("unknown-code", failure("teapot").message(b"\xc0")),
        ("hostile-text", failure("panicked").text("message", "\u{1b}[2J").message(b"\xc0")),
        ("unknown-variant", json(reply("ok")).message(br#"{"number":1,"text":"a","shape":"\u001b[2J"}"#)),
        ("lists-65", reply("ok").message(&[vec![0x91; 65], vec![0xc0]].concat())),
        ("lists-8000", reply("ok").message(&vec![0x91; 8_000])),
        ("json-8000", json(reply("ok")).message("[".repeat(8_000).as_bytes())),
        ("length-4-gib", reply("ok").message(b"\xdd\xff\xff\xff\xff")),
        ("tables-1500", reply("ok").nested(1_500, b'F').message(RECORD)),
        ("not-zstd", reply("ok").content_encoding(b"zstd").message(RECORD)),
    ]
}

fn notifications() -> Vec<Seed> {
    let event = || {
        Properties::default()
            .kind(b"notification")
            .content_type(b"application/msgpack")
            .message_id(b"m-1")
            .delivery_mode(2)
            .timestamp(1_700_000_000)
            .text("event-type", "node.power_set")
            .text("publisher-id", "conductor.cell-1")
            .text("priority", "warn")
            .number("timestamp-ms", 1_700_000_000_123)
            .text("request-id", "r-1")
            .text("meta-user", "ann")
    };
    let json = || event().content_type(b"application/json");
    vec![
        ("record", event().message(RECORD)),
        ("record-json", json().message(br#"{"number":1,"text":"a","shape":{"One":-1}}"#)),
        ("least", Properties::default().kind(b"notification").text("event-type", "e").message(b"\xc0")),
        (
            "latest",
            event().header(b"timestamp-ms", b"S\x00\x00\x00\x1418446744073709551615").message(b"\xc0"),
        ),
        ("priority-wrong", event().text("priority", "\u{1b}[2J").message(b"\xc0")),
        ("unknown-variant", json().message(br#"{"number":1,"text":"a","shape":"\u001b[2J"}"#)),
        ("lists-8000", event().message(&vec![0x91; 8_000])),
        ("json-8000", json().message(r#"{"a":"#.repeat(1_600).as_bytes())),
        ("length-4-gib", event().message(b"\xc6\xff\xff\xff\xff")),
        ("tables-1500", event().nested(1_500, b'F').message(RECORD)),
        ("name-not-text", event().header(NOT_TEXT, b"V").message(RECORD)),
    ]
}

fn dead_letters() -> Vec<Seed> {
    let death = long(b"\x05countl\x00\x00\x00\x00\x00\x00\x00\x01\x06reasonS\x00\x00\x00\x08rejected");
    let many =
        (0..1_500_u16).fold(Properties::default(), |many, index| many.header(&index.to_be_bytes(), b"V"));
    vec![
        ("request", request("note").expiration(b"5000").user_id(b"ann").message(RECORD)),
        (
            "died-before",
            request("note")
                .header(b"x-death", &[&b"A"[..], &long(&[b"F", &death[..]].concat())].concat())
                .message(RECORD),
        ),
        ("died-here-before", request("note").text("dead-letter-code", "panicked").message(RECORD)),
        ("values", values().message(b"x")),
        ("long", Properties::default().text("a", &"b".repeat(15_000)).message("é".repeat(600).as_bytes())),
        ("many", many.message(b"x")),
        ("tables-1500", Properties::default().nested(1_500, b'F').message(b"x")),
        ("nothing", Properties::default().message(b"")),
    ]
}

/// Scheme with its slashes, user, what of the password is before and behind a mark, and the rest.
fn urls() -> Vec<Seed> {
    let url = |name, text: &str| (name, text.as_bytes().to_vec());
    vec![
        url("plain", "amqp://\nann\nbefore\nbehind\nrabbit-1:5672/cell-1?heartbeat=10"),
        url(
            "all",
            "amqps://\nann\n\n\n[::1]:5671,b:c@rabbit-2,rabbit-3/%2f?heartbeat=5&connection_timeout=3&prefetch=9&queue_type=quorum&wire=native",
        ),
        url("slash", "amqp://\nann\na/b\n\nrabbit"),
        url("question", "amqp://\nann\na?b\n\nrabbit"),
        url("hash", "rabbit://\nann\na#b\n\nrabbit"),
        url("at", "amqp://\nann\na@b\nc@d\nrabbit"),
        url("colon", "amqp://\nann\na:b\n:c\nrabbit"),
        url("percent", "amqp://\nann\n%40%\n%zz\nrabbit"),
        url("scheme-in-password", "amqp:\nann\n://\n://\nrabbit"),
        url("no-scheme", "\nann\n\n\nrabbit://"),
        url("unknown-key", "amqp://\nann\n\n\nrabbit?speed=1&wire=oslo"),
        url("no-parts", "amqp://ann:secret@rabbit/%2f"),
    ]
}

fn reply_addresses() -> Vec<Seed> {
    let address = |name, text: &str| (name, text.as_bytes().to_vec());
    let secret = "0123456789abcdef0123456789abcdef";
    vec![
        ("ours", REPLY_TO.to_vec()),
        ("direct", DIRECT.to_vec()),
        address(
            "direct-short-name",
            "amq.rabbitmq.reply-to.g1h3DnJlcGx5QDIwNTQxNDQ0AAACqwAAAABrAtY0.bmFtZQ==",
        ),
        address("direct-old", "amq.rabbitmq.reply-to.g2d2AA5yZXBseUAyMDU0MTQ0NAAAAAEAAAAAAQ==.bmFtZQ=="),
        address("direct-other-node", "amq.rabbitmq.reply-to.g1h2AANhQGIAAAKrAAAAAGsC1jQ=.bmFtZQ=="),
        address("direct-not-text", "amq.rabbitmq.reply-to.g1h2AAdyZXBseUD/AAACqwAAAABrAtY0.bmFtZQ=="),
        address("direct-asked-for", "amq.rabbitmq.reply-to"),
        address("dots", &format!("reply.a.b.{secret}")),
        address("long-service", &format!("reply.{}.{secret}", "v".repeat(65))),
        address("line-break", &format!("reply.victim.{secret}\n")),
        address("queue", "rpc.default.conductor"),
    ]
}
