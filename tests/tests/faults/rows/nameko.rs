//! N: nameko's scenarios, each component broken alone.
//!
//! A consuming side is the connection on which a client gets replies, a server requests or a listener events; a
//! publishing side is that on which a client sends requests and notifications or a server replies.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tests::chaos::Words;
use tests::checker::Kind;
use tests::proxy::{Direction, Mode, Proxy, Role};

use super::Row;
use super::network::is_found_dead;
use crate::scenario::{burst, mixed};
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("N2a", "replies: connection off until it is noticed, then on", 15, |stage| off(stage, REPLIES)),
    Row::new("N2b", "requests: connection off until it is noticed, then on", 15, |stage| {
        off(stage, REQUESTS)
    }),
    Row::new("N2c", "events: connection off until it is noticed, then on", 15, |stage| off(stage, EVENTS)),
    Row::new("N3a", "replies: upstream stalls and is closed", 15, |stage| {
        stall(stage, REPLIES, Direction::Upstream, 100)
    }),
    Row::new("N3b", "requests: upstream stalls and is closed", 15, |stage| {
        stall(stage, REQUESTS, Direction::Upstream, 100)
    }),
    Row::new("N3c", "events: upstream stalls and is closed", 15, |stage| {
        stall(stage, EVENTS, Direction::Upstream, 100)
    }),
    Row::new("N4a", "replies: downstream stalls and is closed", 15, |stage| {
        stall(stage, REPLIES, Direction::Downstream, 100)
    }),
    Row::new("N4b", "requests: downstream stalls and is closed", 15, |stage| {
        stall(stage, REQUESTS, Direction::Downstream, 100)
    }),
    Row::new("N4c", "events: downstream stalls and is closed", 15, |stage| {
        stall(stage, EVENTS, Direction::Downstream, 100)
    }),
    Row::new("N5", "events: a black hole downstream", 20, events_in_a_black_hole),
    Row::new("N6a", "the link is cut while a default call runs", 15, |stage| {
        cut_while_running(stage, Kind::Call, false)
    }),
    Row::new("N6b", "the link is cut while an idempotent call runs", 15, |stage| {
        cut_while_running(stage, Kind::Idempotent, false)
    }),
    Row::new("N7", "the link is cut while casts run, which then fail", 15, |stage| {
        cut_while_running(stage, Kind::Cast, true)
    }),
    Row::new("N9a", "request publisher: connection off", 20, |stage| publisher_off(stage, Side::Client)),
    Row::new("N9b", "reply publisher: connection off", 20, |stage| publisher_off(stage, Side::Server)),
    Row::new("N10a", "request publisher: upstream stalls and is closed", 15, |stage| {
        stall(stage, SENT, Direction::Upstream, 500)
    }),
    Row::new("N10b", "reply publisher: upstream stalls and is closed", 15, |stage| {
        stall(stage, ANSWERED, Direction::Upstream, 500)
    }),
    Row::new("N13", "the network is back at the first attempt to reconnect", 15, back_at_once),
    Row::new("N15", "link cut while a call runs, and restored after its deadline", 25, restored_late),
    Row::new("N17", "nested calls with two workers", 15, nested),
    Row::new("N18", "requests, and an event, that keep all threads busy for 9 s, H = 3 s", 35, busy),
    Row::new("N19", "throughput with one worker and a prefetch of one", 15, one_worker),
    Row::new("N20", "orderly stop while calls run and others wait", 15, stop_while_running),
    Row::new("N27", "servers are stopped while they start", 20, stop_while_starting),
    Row::new("N30", "three reconnects within three seconds", 20, three_reconnects),
    Row::new("N35", "20,000 calls to an unknown service (long form: 100,000)", 30, unknown_service),
];

type Component = (Side, &'static str, Role);

const REPLIES: Component = (Side::Client, "client", Role::Consume);
const REQUESTS: Component = (Side::Server, "one", Role::Consume);
const EVENTS: Component = (Side::Listener, "audit", Role::Consume);
const SENT: Component = (Side::Client, "client", Role::Publish);
const ANSWERED: Component = (Side::Server, "one", Role::Publish);

fn proxy_of(stage: &mut Stage<'_>, (side, _, role): Component) -> Proxy {
    stage.proxy(side).only(role)
}

fn off(stage: &mut Stage<'_>, component: Component) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("connection refused for a second");
        let proxy = proxy_of(stage, component);
        proxy.cut();
        std::thread::sleep(Duration::from_secs(1));
        proxy.heal();
        stage.lifted();
    });
}

fn stall(stage: &mut Stage<'_>, component: Component, direction: Direction, milliseconds: u64) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault(format!("{direction:?} held for {milliseconds} ms, then FIN"));
        let proxy = proxy_of(stage, component);
        proxy.set(direction, Mode::Hold);
        std::thread::sleep(Duration::from_millis(milliseconds));
        proxy.cut();
        proxy.heal();
        stage.lifted();
    });
}

fn events_in_a_black_hole(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("hold downstream until it is noticed");
        let proxy = proxy_of(stage, EVENTS);
        proxy.set(Direction::Downstream, Mode::Hold);
        is_found_dead(stage, "audit");
        proxy.heal();
        stage.lifted();
    });
}

/// The reply goes out over the next link. An acknowledgement that is lost costs a second run at most, which says
/// that it is one.
fn cut_while_running(stage: &mut Stage<'_>, kind: Kind, fails: bool) {
    stage.start_all();
    stage.process("client").ask(&burst(kind, 16).with("held", 1).with("panic", u8::from(fails)));
    stage.wait_running("one", 16);
    stage.fault("FIN on every connection of the server while 16 handlers run");
    stage.proxy(Side::Server).cut();
    stage.proxy(Side::Server).heal();
    std::thread::sleep(Duration::from_millis(300));
    stage.process("one").ask(&Words::new("release"));
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(15));
    let tally = stage.judge().tally(kind);
    stage.expect(tally.ok == 16 + 5, || format!("{tally:?}; 5 of the warm-up and 16 have to end well"));
    if kind == Kind::Call {
        stage.expect(tally.duplicated == 0, || format!("{tally:?}; a default call runs once"));
    }
    let most = stage.entries().iter().filter_map(|entry| entry.number("attempt")).max().unwrap_or(0);
    stage.expect(most <= 2, || format!("attempt {most} after one cut"));
    stage.client_does(&burst(Kind::Call, 20));
}

/// N9, N11, N12: what is asked meanwhile ends in time, and afterwards the same client and the same server work.
fn publisher_off(stage: &mut Stage<'_>, side: Side) {
    stage.start_all();
    let proxy = stage.proxy(side).only(Role::Publish);
    stage.fault("publishing connection refused for 4 s");
    proxy.cut();
    // The first may go to a connection whose end is not noticed yet (N11), the second cannot.
    for deadline in [2_600, 2_500] {
        for kind in [Kind::Call, Kind::Idempotent, Kind::Cast, Kind::Notification] {
            stage.process("client").ask(&burst(kind, 8).with("deadline", deadline));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    std::thread::sleep(Duration::from_secs(3));
    proxy.heal();
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(10));
    if side == Side::Client {
        let late: BTreeSet<_> = (stage.entries().iter().filter(|it| it.detail("deadline") == Some("2500")))
            .map(|it| it.subject.clone())
            .collect();
        let ended = stage.entries().iter().filter(|it| it.event == "resolved" && late.contains(&it.subject));
        let sent = ended.filter(|it| it.detail("executed") != Some("not_sent")).count();
        stage.expect(sent == 0, || format!("N9: {sent} of {} requests are not `not sent`", late.len()));
    }
    stage.call_works(Duration::from_secs(5));
    stage.client_does(&burst(Kind::Call, 20));
}

fn back_at_once(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.fault("FIN on every connection of the client, 50 ms");
    stage.proxy(Side::Client).cut();
    // What is asked before the loss is noticed may have left: that is N11.
    std::thread::sleep(Duration::from_millis(50));
    stage.process("client").ask(&burst(Kind::Call, 16));
    stage.proxy(Side::Client).heal();
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(15));
    let call = stage.judge().tally(Kind::Call);
    stage.expect(call.ok == 16 + 5, || {
        format!("N13: {call:?}; all have to be answered within their deadline")
    });
}

fn restored_late(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.process("client").ask(&burst(Kind::Call, 16).with("sleep", 500).with("deadline", 3_000));
    stage.wait_running("one", 16);
    stage.fault("every connection of the client refused for 6 s");
    stage.proxy(Side::Client).cut();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(10));
    let call = stage.judge().tally(Kind::Call);
    stage.expect(call.unknown == 16, || format!("N15: {call:?}; 16 ran, and nobody can know"));
    std::thread::sleep(Duration::from_secs(3));
    stage.proxy(Side::Client).heal();
    stage.lifted();
    stage.call_works(Duration::from_secs(5));
    stage.client_does(&burst(Kind::Call, 20));
}

fn nested(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "2"]);
    stage.client("client");
    stage.warm_up_calls();
    // The server's own reply queue is opened by its first call.
    stage.client_does(&burst(Kind::Call, 1).with("nested", 1));
    stage.take_baselines();
    stage.fault("each of 50 calls makes one of its own");
    for _ in 0..50 {
        stage.client_does(&burst(Kind::Call, 1).with("nested", 1).with("deadline", 3_000));
    }
    stage.lifted();
    let verdict = stage.judge();
    let call = verdict.tally(Kind::Call);
    stage.expect(call.ok == call.sent, || format!("N17: {call:?}"));
    stage.client_does(&burst(Kind::Call, 2));
}

/// E6, for the three consumers that there are. Nothing comes twice.
fn busy(stage: &mut Stage<'_>) {
    stage.heartbeat = 3;
    stage.server("one", &["--workers", "8", "--threads", "4"]);
    stage.start_listener("audit", &["--busy", "9000"]);
    stage.client("client");
    stage.warm_up_calls();
    let epochs =
        |stage: &mut Stage<'_>| ["one", "audit"].map(|name| stage.process(name).measure().number("epoch"));
    let before = epochs(stage);
    stage.fault("two default and two idempotent calls and an event that block their threads for 9 s");
    for kind in [Kind::Call, Kind::Idempotent] {
        stage.process("client").ask(&burst(kind, 2).with("block", 9_000).with("deadline", 20_000));
    }
    stage.process("client").ask(&burst(Kind::Notification, 1));
    // The other workers are taken, too.
    stage.process("client").ask(&burst(Kind::Cast, 4).with("block", 9_000));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(30));
    std::thread::sleep(Duration::from_secs(2));
    stage.lifted();
    let after = epochs(stage);
    stage.expect(after == before, || format!("N18: links were lost: {after:?}, before {before:?}"));
    let verdict = stage.judge();
    let duplicated = verdict.total(|tally| tally.duplicated);
    stage.expect(duplicated == 0, || format!("N18: {duplicated} came twice: {:?}", verdict.tallies));
    stage.client_does(&burst(Kind::Call, 20));
}

fn one_worker(stage: &mut Stage<'_>) {
    stage.query = "&prefetch=1".to_owned();
    stage.server("one", &["--workers", "1"]);
    stage.client("client");
    stage.warm_up_calls();
    stage.fault("100 calls of 20 ms for one worker");
    let since = Instant::now();
    stage.client_does(&burst(Kind::Call, 100).with("sleep", 20));
    let took = since.elapsed();
    stage.lifted();
    stage.expect(took < Duration::from_secs(6), || format!("N19: 100 calls of 20 ms took {took:?}"));
    stage.client_does(&burst(Kind::Call, 2));
}

/// N20, N22: what runs is finished and runs once; what only waits is done by another.
fn stop_while_running(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "8"]);
    stage.client("client");
    stage.process("client").ask(&burst(Kind::Idempotent, 16).with("sleep", 1_500));
    stage.wait_running("one", 8);
    stage.server("two", &["--workers", "16"]);
    stage.fault("SIGTERM while 8 run and 8 wait");
    let mut leaving = stage.remove("one");
    leaving.signal("TERM");
    let status = leaving.wait(Duration::from_secs(8));
    stage.lifted();
    stage.expect(status.is_some_and(|status| status.success()), || format!("N20: ended with {status:?}"));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(15));
    let call = stage.judge().tally(Kind::Idempotent);
    stage.expect((call.ok, call.duplicated) == (16, 0), || format!("N20: {call:?}"));
    stage.client_does(&burst(Kind::Call, 4));
}

fn stop_while_starting(stage: &mut Stage<'_>) {
    stage.server("one", &[]);
    stage.client("client");
    stage.warm_up_calls();
    stage.fault("SIGTERM within 200 ms of the start, 20 times");
    for number in 0..20_u64 {
        let mut process = stage.start_unready(&format!("early-{number}"));
        std::thread::sleep(Duration::from_millis(10 * number));
        process.signal("TERM");
        let ended = process.wait(Duration::from_secs(5));
        // Before the program asks for signals, SIGTERM simply ends it.
        stage.expect(ended.is_some(), || {
            format!("N27: a server that was stopped {} ms after its start stays", 10 * number)
        });
    }
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

fn three_reconnects(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("FIN on every connection, three times in 2.4 s");
        for _ in 0..3 {
            for side in [Side::Client, Side::Server, Side::Listener] {
                stage.proxy(side).cut();
                stage.proxy(side).heal();
            }
            std::thread::sleep(Duration::from_millis(800));
        }
        stage.lifted();
    });
    let count = stage.broker().connections().len();
    stage.expect(count == 6, || format!("N30: {count} connections; 3 programs have 2 each"));
    let queues = stage.broker().queues();
    let doubled: Vec<_> = queues.iter().filter(|queue| queue.consumers > 1).collect();
    stage.expect(doubled.is_empty(), || format!("N30: queues with two consumers: {doubled:?}"));
}

fn unknown_service(stage: &mut Stage<'_>) {
    stage.start_all();
    let count = stage.options.amount(20_000, 100_000);
    stage.fault(format!("{count} calls to nobody, 2,000 at a time"));
    for _ in 0..count / 2_000 {
        stage.client_does(&burst(Kind::Call, 2_000).with("nowhere", 1).with("deadline", 20_000));
    }
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let unroutable =
        stage.entries().iter().filter(|entry| entry.detail("outcome") == Some("unroutable")).count();
    stage.expect(u64::try_from(unroutable) == Ok(count), || {
        format!("N35: {unroutable} of {count} are unroutable")
    });
    let pending = stage.process("client").measure().number("pending");
    stage.expect(pending == 0, || format!("N35: {pending} calls are pending"));
}
