//! F: clients.

use std::time::Duration;

use tests::chaos::Words;
use tests::checker::Kind;

use super::Row;
use crate::scenario::burst;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("F1", "20,000 calls are dropped at random moments (long form: 100,000)", 40, dropped),
    Row::new("F2", "the runtime ends with calls in flight", 15, runtime_ends),
    Row::new("F3", "a client is killed with 1,000 calls in flight", 25, killed),
    Row::new("F4", "10,000 calls at a time across a reconnect", 60, reconnect),
    Row::new("F5", "deadlines of nothing, of next to nothing and of for ever", 15, odd_deadlines),
    Row::new("F9", "a listener that stands still", 30, slow_listener),
    Row::new("F10", "20 forced reconnects (long form: 1,000)", 60, reconnects),
];

fn dropped(stage: &mut Stage<'_>) {
    stage.start_all();
    let count = stage.options.amount(20_000, 100_000);
    for _ in 0..count / 5_000 {
        stage.fault(format!("{count} futures are dropped"));
        stage.client_does(&Words::new("drop").with("count", 5_000).with("within", 1_500).with("sleep", 5));
    }
    // What was given up runs nevertheless.
    let drained = stage.until(Duration::from_secs(30), |stage| {
        let name = format!("rpc.{}.chaos", stage.exchange);
        stage.running("one") == 0 && stage.broker().queue(&name).is_some_and(|queue| queue.messages == 0)
    });
    stage.expect(drained, || "F1: the server is not idle again".to_owned());
    stage.lifted();
    let pending = stage.process("client").measure().number("pending");
    stage.expect(pending == 0, || format!("F1: {pending} places in the reply table are taken"));
    stage.client_does(&burst(Kind::Call, 50));
}

fn killed(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.server("other", &["--workers", "1024"]);
    stage.client("victim");
    stage.process("victim").ask(&burst(Kind::Call, 1_000).with("sleep", 2_000));
    std::thread::sleep(Duration::from_millis(1_000));
    stage.fault("SIGKILL of a client with 1,000 calls in flight");
    stage.kill("victim");
    stage.lifted();
    // Servers answer nobody, and others all the same.
    for _ in 0..5 {
        stage.client_does(&burst(Kind::Call, 50).with("deadline", 5_000));
    }
}

fn reconnect(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "4096"]);
    stage.client("client");
    stage.warm_up_calls();
    stage.process("client").ask(&burst(Kind::Call, 10_000).with("sleep", 2_000).with("deadline", 40_000));
    std::thread::sleep(Duration::from_millis(2_500));
    stage.fault("RST on every connection of the client");
    stage.proxy(Side::Client).reset();
    stage.proxy(Side::Client).heal();
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(70));
    let call = stage.judge().tally(Kind::Call);
    stage.note(format!("F4: {} answered, {} unsent, {} in doubt", call.ok, call.not_sent, call.unknown));
}

fn runtime_ends(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.client("leaving");
    stage.process("leaving").ask(&burst(Kind::Call, 500).with("sleep", 500));
    stage.wait_running("one", 64);
    stage.fault("the program ends with 500 calls in flight");
    let mut leaving = stage.remove("leaving");
    leaving.tell(&Words::new("abandon"));
    let ended = leaving.wait(Duration::from_secs(3));
    stage.expect(ended.is_some_and(|status| status.success()), || format!("F2: it ended with {ended:?}"));
    let log = leaving.log();
    stage.expect(!log.contains("panicked"), || format!("F2: it panicked: {log}"));
    // Calls that nobody awaits any more were dropped with their runtime; some never got to say so.
    stage.circumstances.killed.insert(leaving.id());
    let open = stage.until(Duration::from_secs(3), |stage| stage.broker().connections().len() == 6);
    stage.expect(open, || "F2: the broker still has its connections".to_owned());
    // 500 requests of half a second for 64 workers.
    std::thread::sleep(Duration::from_secs(5));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

fn odd_deadlines(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.fault("deadlines of 0, 1 ms and 2^63 ms");
    for kind in Kind::ALL {
        for deadline in ["0", "1", "9223372036854775807"] {
            stage.process("client").ask(&burst(kind, 5).with("deadline", deadline));
        }
    }
    stage.process("client").ask(&Words::new("stop"));
    stage.lifted();
    let endless: Vec<_> = stage
        .entries()
        .iter()
        .filter(|it| it.detail("deadline") == Some("9223372036854775807"))
        .map(|it| it.subject.clone())
        .collect();
    let ok = stage
        .entries()
        .iter()
        .filter(|it| it.detail("outcome") == Some("ok") && endless.contains(&it.subject))
        .count();
    stage.expect(ok == 25, || format!("F5: {ok} of 25 requests with all the time ended well"));
    stage.client_does(&burst(Kind::Call, 20));
}

/// What it cannot take waits with the broker, not in its memory.
fn slow_listener(stage: &mut Stage<'_>) {
    stage.start_all();
    let before = stage.process("audit").measure().number("memory");
    let process = stage.process("audit").id();
    stage.fault("SIGSTOP of the listener for 8 s, 5,000 notifications of 4 KiB");
    stage.process("audit").signal("STOP");
    let from = tests::ledger::now();
    stage.client_does(&burst(Kind::Notification, 5_000).with("size", 4096).with("deadline", 30_000));
    std::thread::sleep(Duration::from_secs(4));
    stage.process("audit").signal("CONT");
    stage.circumstances.paused.push((process, from, tests::ledger::now()));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let drained =
        stage.until(Duration::from_secs(20), |stage| stage.judge().tally(Kind::Notification).lost == 0);
    stage.expect(drained, || "F9: not all came".to_owned());
    let grown = stage.process("audit").measure().number("memory").saturating_sub(before);
    stage.expect(grown < 16 * 1024, || format!("F9: the listener grew by {grown} KiB"));
}

/// The buffers of a connection, 4 MiB of the AMQP library, may be there twice while one follows the other. That happens
/// once, early, and what the allocator got then it keeps. So what is held is compared with what was held after three.
fn reconnects(stage: &mut Stage<'_>) {
    stage.start_all();
    for _ in 0..3 {
        reconnect_once(stage);
    }
    stage.take_baselines();
    let count = stage.options.amount(20, 1_000);
    let before = stage.process("client").measure().number("memory");
    let mut sizes = Vec::new();
    for _ in 0..count {
        reconnect_once(stage);
        sizes.push(stage.process("client").measure().number("memory"));
    }
    let shown: Vec<_> = sizes.iter().step_by(sizes.len() / 20).collect();
    stage.note(format!("F10: {before} KiB after three reconnects, then {shown:?}"));
    let now = stage.process("client").measure().number("memory");
    stage.expect(now <= before + before / 20, || {
        format!("I7: the client grew from {before} to {now} KiB over {count} reconnects, limit 5 %")
    });
}

/// Resets every connection of the client, and waits until it is connected again and answered.
pub(super) fn reconnect_once(stage: &mut Stage<'_>) {
    stage.fault("RST on every connection of the client, again and again");
    let epoch = stage.process("client").measure().number("epoch");
    stage.proxy(Side::Client).reset();
    stage.proxy(Side::Client).heal();
    let is_back = stage.until(Duration::from_secs(12), |stage| {
        let now = stage.process("client").measure();
        now.number("epoch") > epoch && now.get("state").unwrap().starts_with("connected")
    });
    assert!(is_back, "it reconnects");
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 4));
}
