//! D: the broker is short of something.

use std::time::Duration;

use tests::chaos::Words;
use tests::checker::Kind;
use tests::proxy::{Frame, Role};

use super::{Needs, Row};
use crate::scenario::{burst, mixed};
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("D1", "disk alarm for 20 s", 60, disk),
    Row::new("D2", "memory alarm for 8 s", 35, memory),
    Row::new("D3", "replies and acknowledgements during an alarm", 30, replies),
    Row::new("D6", "a broker that is overrun slows its publishers down", 45, overrun).on(Needs::FreshNode),
    Row::new(
        "D5",
        "blocked for 20 s while the broker knows nothing of it (long form: 10 minutes)",
        40,
        injected,
    ),
];

fn disk(stage: &mut Stage<'_>) {
    alarm(
        stage,
        Duration::from_secs(20),
        &["set_disk_free_limit", "900GB"],
        &["set_disk_free_limit", "50MB"],
    );
}

fn memory(stage: &mut Stage<'_>) {
    let short = ["set_vm_memory_high_watermark", "absolute", "1MB"];
    alarm(stage, Duration::from_secs(8), &short, &["set_vm_memory_high_watermark", "absolute", "2GB"]);
}

/// While the broker takes nothing, calls end unsent at their deadlines and say why; afterwards nothing expired runs.
fn alarm(stage: &mut Stage<'_>, time: Duration, raise: &[&str], lower: &[&str]) {
    stage.start_all();
    let load = mixed().with("deadline", 3_000);
    stage.under_load(&load, |stage| {
        stage.fault(format!("{} for {time:?}", raise[0]));
        stage.broker().ctl(raise);
        let is_blocked = stage.until(Duration::from_secs(12), |stage| {
            stage.process("client").measure().get("state").unwrap().starts_with("blocked")
        });
        stage.expect(is_blocked, || "D: the client does not say that it is blocked".to_owned());
        let since = stage.entries().len();
        std::thread::sleep(time);
        let told = |entry: &&tests::ledger::Entry| {
            entry.event == "resolved" && entry.detail("text").is_some_and(|text| text.contains("blocked"))
        };
        let said = stage.entries()[since..].iter().filter(told).count();
        stage.expect(said > 0, || "D: no refused request says that the broker is blocked".to_owned());
        stage.broker().ctl(lower);
        stage.lifted();
    });
    stage.process("client").ask(&Words::new("stop"));
    stage.client_does(&burst(Kind::Call, 20));
}

/// What runs when the alarm comes is finished, acknowledged, and answered when it is over.
fn replies(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.process("client").ask(&burst(Kind::Call, 16).with("held", 1).with("deadline", 20_000));
    stage.process("client").ask(&burst(Kind::Idempotent, 16).with("held", 1).with("deadline", 20_000));
    stage.process("client").ask(&burst(Kind::Cast, 16).with("held", 1).with("deadline", 20_000));
    stage.wait_running("one", 48);
    stage.fault("memory alarm for 6 s while 48 handlers run");
    stage.broker().ctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]);
    stage.process("one").ask(&Words::new("release"));
    std::thread::sleep(Duration::from_secs(3));
    let name = format!("rpc.{}.chaos", stage.exchange);
    // The casts: 16 less. Idempotent calls wait until their replies are confirmed.
    let held = stage.broker().queue(&name).map_or(0, |queue| queue.unacknowledged);
    stage.expect(held <= 16, || {
        format!("D3: {held} requests are unacknowledged; casts can be settled meanwhile")
    });
    std::thread::sleep(Duration::from_secs(3));
    stage.broker().ctl(&["set_vm_memory_high_watermark", "absolute", "2GB"]);
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(25));
    let verdict = stage.judge();
    let (sent, ok) = (verdict.total(|tally| tally.sent), verdict.total(|tally| tally.ok));
    stage.client_does(&burst(Kind::Call, 20));
    stage.expect(sent == ok, || format!("D3: {ok} of {sent} ended well: {:?}", verdict.tallies));
}

/// The broker, which knows nothing, still wants heartbeats, and a connection writes none while it is blocked: so they are rarer
/// than the time that this takes.
fn injected(stage: &mut Stage<'_>) {
    let seconds = stage.options.amount(20, 600);
    stage.heartbeat = if stage.options.long { 400 } else { 60 };
    stage.start_all();
    let before = stage.process("client").measure();
    stage.process("client").ask(&mixed().with("deadline", 2_000));
    std::thread::sleep(Duration::from_secs(1));
    stage.fault(format!("connection.blocked on the client's publishing connection for {seconds} s"));
    stage.proxy(Side::Client).only(Role::Publish).inject(&Frame::blocked("low on memory"));
    std::thread::sleep(Duration::from_secs(seconds));
    let now = stage.process("client").measure();
    let state = now.get("state").unwrap_or_default().to_owned();
    stage.expect(state.starts_with("blocked"), || format!("D5: the state is {state}"));
    stage.expect(now.number("epoch") == before.number("epoch"), || {
        "D5: the connection was given up".to_owned()
    });
    let grown = now.number("memory").saturating_sub(before.number("memory"));
    stage.expect(grown < 16 * 1024, || format!("D5: the client grew by {grown} KiB"));
    stage.proxy(Side::Client).only(Role::Publish).inject(&Frame::unblocked());
    stage.lifted();
    stage.heal_briefly();
}

/// Whether a connection is slowed down within three seconds. Asked for inside the broker: it lasts for milliseconds at a
/// time, and much shorter than `rabbitmqctl` takes to start.
const IS_SLOWED: &str = "
    Slowed = fun(Connection) -> (catch rabbit_networking:connection_info(Connection, [state])) =:= [{state, flow}] end,
    Seen = fun(_) -> timer:sleep(10), lists:any(Slowed, rabbit_networking:connections()) end,
    lists:any(Seen, lists:seq(1, 300)).";

/// Credit is small, so that the broker stops to read from a publisher again and again. What waits is bounded: callers
/// wait for it, and are refused when there is too much.
fn overrun(stage: &mut Stage<'_>) {
    stage.broker().ctl(&["eval", "application:set_env(rabbit, credit_flow_default_credit, {2, 1})."]);
    stage.start_all();
    let before = stage.process("client").measure().number("memory");
    stage.fault("800 messages of 16 KiB a second, with 2 credits");
    let load = Words::new("load").with("casts", 400).with("notifications", 400).with("call-rate", 20);
    stage.process("client").ask(&load.with("size", 16 << 10).with("deadline", 20_000));
    let is_slowed = stage.broker().ctl(&["eval", IS_SLOWED]);
    stage.expect(is_slowed.trim() == "true", || format!("D6: the broker slowed nobody down: {is_slowed}"));
    std::thread::sleep(Duration::from_secs(4));
    let grown = stage.process("client").measure().number("memory").saturating_sub(before);
    stage.expect(grown < 120 * 1024, || format!("D6: the client grew by {grown} KiB"));
    stage.note(format!("D6: the client grew by {grown} KiB"));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(30));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let refused: Vec<_> = stage
        .entries()
        .iter()
        .filter(|it| it.event == "resolved" && it.detail("outcome") != Some("ok"))
        .cloned()
        .collect();
    let is_told = |it: &&tests::ledger::Entry| {
        it.detail("outcome") == Some("overloaded") && it.detail("executed") == Some("not_sent")
    };
    let told = refused.iter().filter(is_told).count();
    stage.expect(told == refused.len(), || {
        format!("D6: {told} of {} refusals say that it is too much: {:?}", refused.len(), refused.first())
    });
}
