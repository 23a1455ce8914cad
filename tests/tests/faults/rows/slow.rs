//! B, continued: networks that are slow, damaged or silent, and much to send.

use std::time::{Duration, Instant};

use tests::chaos::Words;
use tests::proxy::{Direction, Mode, Role};

use super::network::{BOTH, is_found_dead};
use super::{Needs, Row};
use crate::scenario::mixed;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("B6", "a black hole with 32 MiB to send", 40, hold_with_much_to_send),
    Row::new("B7", "200 ms of latency, give or take 100, and stalls of 2 s", 45, latency),
    Row::new("B8a", "one byte at a time", 30, sliced),
    Row::new("B8b", "64 KB a second with bodies of 1 MiB", 100, slow),
    Row::new("B9", "the connection ends after n bytes, for n up to 700", 60, cut_after),
    Row::new(
        "B10a",
        "single bits are inverted; wrong bytes in a body, which AMQP cannot see, are excused",
        30,
        flipped,
    ),
    Row::new(
        "B10b",
        "single bits are inverted below TLS, and nothing wrong is accepted",
        60,
        flipped_below_tls,
    )
    .on(Needs::FreshNode),
    Row::new("B11a", "who connects gets no answer", 30, silent),
    Row::new("B11b", "who connects is refused", 25, refused),
];

/// What is handed over but not sent is bounded, whatever callers ask for.
fn hold_with_much_to_send(stage: &mut Stage<'_>) {
    stage.start_all();
    let before = stage.process("client").measure().number("memory");
    stage.fault("hold both directions for 8 s with 2,000 requests of 16 KiB");
    stage.proxy(Side::Client).set(Direction::Both, Mode::Hold);
    let much = Words::new("burst").with("count", 2_000).with("size", 16 << 10).with("deadline", 6_000);
    stage.process("client").ask(&much);
    is_found_dead(stage, "client");
    std::thread::sleep(Duration::from_secs(3));
    // The callers hold 32 MiB themselves, and a copy of it is encoded.
    let grown = stage.process("client").measure().number("memory").saturating_sub(before);
    stage.expect(grown < 120 * 1024, || format!("B6: the client grew by {grown} KiB"));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(10));
    stage.proxy(Side::Client).heal();
    stage.lifted();
    let pending = stage.process("client").measure().number("pending");
    stage.expect(pending == 0, || format!("B6: {pending} calls are pending"));
    stage.call_works(Duration::from_secs(6));
}

/// A slow network is not a dead one.
fn latency(stage: &mut Stage<'_>) {
    stage.heartbeat = 10;
    stage.start_all();
    let epochs = epochs(stage);
    let load = mixed().with("calls", 64).with("pause", 10);
    stage.process("client").ask(&load);
    std::thread::sleep(Duration::from_secs(1));
    stage.fault("delay of 200 ms give or take 100 for 15 s, with two stalls of 2 s");
    let delay = Mode::Delay { delay: Duration::from_millis(200), jitter: Duration::from_millis(100) };
    for _ in 0..2 {
        for side in BOTH {
            stage.proxy(side).set(Direction::Both, delay);
        }
        std::thread::sleep(Duration::from_secs(5));
        for side in BOTH {
            stage.proxy(side).set(Direction::Both, Mode::Hold);
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    for side in BOTH {
        stage.proxy(side).heal();
    }
    stage.lifted();
    stage.heal_briefly();
    let after = self::epochs(stage);
    stage.expect(after == epochs, || format!("B7: links were given up: epochs {after:?}, before {epochs:?}"));
}

/// How many links each program has had.
fn epochs(stage: &mut Stage<'_>) -> Vec<u64> {
    ["client", "one", "audit"].map(|name| stage.process(name).measure().number("epoch")).into()
}

fn sliced(stage: &mut Stage<'_>) {
    stage.start_all();
    let epochs = epochs(stage);
    stage.fault("one byte at a time for 8 s");
    for side in BOTH {
        stage.proxy(side).set(Direction::Both, Mode::Slice(1));
    }
    stage.process("client").ask(&Words::new("load").with("calls", 4).with("pause", 100).with("casts", 2));
    std::thread::sleep(Duration::from_secs(8));
    for side in BOTH {
        stage.proxy(side).heal();
    }
    stage.lifted();
    stage.heal_briefly();
    let verdict = stage.judge();
    let (sent, ok) = (verdict.total(|tally| tally.sent), verdict.total(|tally| tally.ok));
    stage.expect(sent - ok <= 4, || format!("B8: {ok} of {sent} ended well over a link that works"));
    let after = self::epochs(stage);
    stage.expect(after == epochs, || format!("B8: links were given up: epochs {after:?}, before {epochs:?}"));
}

/// A body of 1 MiB takes 16 s, and heartbeats are due each second.
fn slow(stage: &mut Stage<'_>) {
    stage.start_all();
    let epochs = epochs(stage);
    stage.fault("64 KB a second, two bodies of 1 MiB");
    for side in BOTH {
        stage.proxy(side).set(Direction::Both, Mode::Rate(64_000));
    }
    let large = Words::new("burst").with("count", 2).with("size", 1 << 20).with("deadline", 70_000);
    stage.process("client").ask(&large);
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(75));
    for side in BOTH {
        stage.proxy(side).heal();
    }
    stage.lifted();
    stage.call_works(Duration::from_secs(5));
    let call = stage.judge().tally(tests::checker::Kind::Call);
    stage.expect(call.ok == call.sent, || format!("B8: {call:?} over a link that works"));
    let after = self::epochs(stage);
    stage.expect(after == epochs, || format!("B8: links were given up: epochs {after:?}, before {epochs:?}"));
}

/// Wherever the handshake is cut off: an error in time, and the next attempt is clean.
fn cut_after(stage: &mut Stage<'_>) {
    let url = stage.url(Side::Client);
    let proxy = stage.proxy(Side::Client);
    stage.fault("FIN after n bytes of the handshake, each n up to 700, either way");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let connect = || runtime.block_on(rpc_amqp::AmqpTransport::builder(&url).connect());
    for direction in [Direction::Upstream, Direction::Downstream] {
        for bytes in 0..700 {
            proxy.set(direction, Mode::CutAfter(bytes));
            let since = Instant::now();
            let connected = connect();
            let took = since.elapsed();
            stage.expect(took <= Duration::from_secs(3), || {
                format!("B9: {direction:?} {bytes}: the attempt took {took:?}")
            });
            if let Ok(transport) = connected {
                runtime.block_on(transport.close(Duration::from_secs(1)));
            }
            if bytes % 100 == 0 {
                proxy.heal();
                match connect() {
                    Ok(transport) => runtime.block_on(transport.close(Duration::from_secs(1))),
                    Err(error) => {
                        stage.problem(format!("B9: {direction:?} {bytes}: the next attempt fails: {error}"))
                    }
                }
            }
        }
        proxy.heal();
    }
    stage.lifted_without_calls();
    let gone = stage.until(Duration::from_secs(5), |stage| stage.proxy(Side::Client).connections_open() == 0);
    stage.expect(gone, || "B9: connections are open still".to_owned());
}

/// A frame that is damaged ends its connection. A body that is damaged is taken for what was sent: no checksum of AMQP
/// or TCP covers it here.
fn flipped(stage: &mut Stage<'_>) {
    stage.circumstances.damaged = true;
    // A handler that was asked to take longer than it was asked for does so.
    stage.compares_holdings = false;
    invert_bits(stage);
}

fn flipped_below_tls(stage: &mut Stage<'_>) {
    stage.use_tls();
    invert_bits(stage);
}

fn invert_bits(stage: &mut Stage<'_>) {
    // A broker that was told a wrong length goes on waiting for the rest of the frame, and beats. That is found when it
    // does not answer: one and a half heartbeats until it is asked, five seconds, and the way to the next link.
    stage.heal_limit = Duration::from_secs(10);
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("one bit in 20,000 bytes inverted, either way, for 10 s");
        for (side, seed) in [(Side::Client, 1), (Side::Server, 2)] {
            stage.proxy(side).set(Direction::Both, Mode::FlipEvery { bytes: 20_000, seed });
        }
        std::thread::sleep(Duration::from_secs(10));
        for side in BOTH {
            stage.proxy(side).heal();
        }
        stage.lifted();
    });
}

fn silent(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed().with("deadline", 3_000), |stage| {
        stage.fault("RST, then nobody answers for 10 s");
        for side in BOTH {
            stage.proxy(side).accept_silently();
            stage.proxy(side).reset();
            stage.proxy(side).only(Role::Publish).set(Direction::Both, Mode::Pass);
        }
        says_why(stage);
    });
}

fn refused(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed().with("deadline", 3_000), |stage| {
        stage.fault("RST, then connections are refused for 10 s");
        for side in BOTH {
            stage.proxy(side).refuse();
            stage.proxy(side).reset();
        }
        says_why(stage);
    });
}

/// Calls end unsent at their deadlines, and the state names the cause.
fn says_why(stage: &mut Stage<'_>) {
    std::thread::sleep(Duration::from_secs(4));
    let seen = stage.entries().len();
    std::thread::sleep(Duration::from_secs(6));
    let state = stage.process("client").measure().get("state").unwrap_or_default().to_owned();
    stage.expect(state.starts_with("connecting"), || format!("B11: the state is {state}"));
    let late: Vec<_> =
        stage.entries()[seen..].iter().filter(|entry| entry.event == "resolved").cloned().collect();
    let sent = late.iter().filter(|entry| entry.detail("executed") != Some("not_sent")).count();
    stage.expect(sent == 0, || {
        format!("B11: {sent} of {} requests without a broker are not `not sent`", late.len())
    });
    for side in BOTH {
        stage.proxy(side).heal();
    }
    stage.lifted();
}
