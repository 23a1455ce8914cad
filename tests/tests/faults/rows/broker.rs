//! A: the broker's process.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tests::chaos::Words;

use super::{Needs, Row};
use crate::lane::{self, USER};
use crate::scenario::mixed;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("A1", "the broker is killed and started again under load", 60, killed),
    Row::new("A2", "the broker stops in order and is started again", 50, stopped),
    Row::new("A3", "the broker stands still for 15 s", 45, paused),
    Row::new("A4", "the broker comes back without its data", 50, emptied).on(Needs::FreshNode),
    Row::new("A6a", "the vhost is deleted, and made again after 15 s", 60, vhost_deleted)
        .on(Needs::FreshNode),
    Row::new("A6b", "strangers take all descriptors that the broker has, for 8 s", 50, no_descriptors)
        .on(Needs::FreshNode),
];

/// 2,000 calls in flight, 500 casts and 500 notifications a second.
fn killed(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "4096"]);
    stage.listener("audit");
    stage.client("client");
    stage.warm_up();
    stage.broker().write_down();
    let load = Words::new("load").with("calls", 2_000).with("pause", 500).with("sleep", 4_000);
    let load = load.with("casts", 500).with("notifications", 500);
    // Those take 4 s each; the time to heal is that of calls which are answered at once.
    stage.process("client").ask(&Words::new("load").with("call-rate", 20));
    stage.under_load(&load, |stage| {
        stage.fault("SIGKILL, 3 s, start");
        stage.broker().kill();
        std::thread::sleep(Duration::from_secs(3));
        stage.broker().start_again();
        stage.lifted();
    });
}

fn stopped(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.broker().write_down();
    stage.under_load(&mixed(), |stage| {
        stage.fault("SIGTERM, 3 s, start");
        stage.broker().stop();
        std::thread::sleep(Duration::from_secs(3));
        stage.broker().start_again();
        stage.lifted();
    });
}

/// H = 2 s: the link is dead after 5 s, and each attempt to get a new one ends within 3 s.
fn paused(stage: &mut Stage<'_>) {
    stage.start_all();
    let threads = stage.process("client").measure().number("threads");
    stage.under_load(&mixed(), |stage| {
        stage.fault("SIGSTOP for 15 s");
        stage.broker().pause();
        let since = Instant::now();
        let noticed = stage.until(Duration::from_secs(15), |stage| {
            !stage.process("client").measure().get("state").unwrap().starts_with("connected")
        });
        let took = since.elapsed();
        stage.expect(noticed && took <= Duration::from_secs(5), || {
            format!("A3: found dead after {took:?}, limit 2H + 1 s")
        });
        let mut most = 0;
        while since.elapsed() < Duration::from_secs(15) {
            most = most.max(stage.process("client").measure().number("threads"));
            std::thread::sleep(Duration::from_millis(250));
        }
        // An attempt that is under way may look a name up.
        stage.expect(most <= threads + 2, || {
            format!("A3: {most} threads while it stood still, {threads} before")
        });
        stage.broker().resume();
        stage.lifted();
    });
}

/// Everything that was in it is gone. Both sides declare again what they need.
fn emptied(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("SIGKILL, data removed, start");
        stage.broker().kill();
        stage.circumstances.wiped_at = Some(tests::ledger::now());
        stage.broker().wipe();
        stage.broker().start_again();
        stage.lifted();
    });
}

/// A vhost that is gone is nothing that a quick retry mends.
fn vhost_deleted(stage: &mut Stage<'_>) {
    // It is tried again each 30 s at the latest.
    stage.heal_limit = Duration::from_secs(33);
    stage.vhost = "chaos".to_owned();
    stage.broker().ctl(&["add_vhost", "chaos"]);
    stage.broker().ctl(&["set_permissions", "--vhost", "chaos", USER, ".*", ".*", ".*"]);
    stage.start_all();
    let before = stage.proxy(Side::Client).connections_accepted().len();
    stage.under_load(&mixed().with("deadline", 3_000), |stage| {
        stage.fault("delete_vhost for 15 s");
        stage.broker().ctl(&["delete_vhost", "chaos"]);
        stage.circumstances.wiped_at = Some(tests::ledger::now());
        std::thread::sleep(Duration::from_secs(5));
        let state = stage.process("client").measure().get("state").unwrap_or_default().to_owned();
        stage.expect(state.contains("chaos"), || format!("A6a: the state does not name the vhost: {state}"));
        std::thread::sleep(Duration::from_secs(10));
        let made = stage.proxy(Side::Client).connections_accepted().len() - before;
        stage.expect(made <= 20, || format!("A6a: {made} connections in 15 s to a vhost that is gone"));
        stage.broker().ctl(&["add_vhost", "chaos"]);
        stage.broker().ctl(&["set_permissions", "--vhost", "chaos", USER, ".*", ".*", ".*"]);
        stage.lifted();
    });
}

/// The broker accepts, and answers when a descriptor is free: each attempt ends in time, and they are few.
fn no_descriptors(stage: &mut Stage<'_>) {
    // Nine of them are for clients.
    stage.use_broker(lane::broker().descriptor_limit(110).start());
    stage.start_all();
    let accepted =
        |stage: &mut Stage<'_>| stage.proxies().map(|it| it.connections_accepted().len()).sum::<usize>();
    let port = stage.broker().port();
    stage.under_load(&mixed().with("deadline", 3_000), |stage| {
        stage.fault("30 strangers connect to a broker with 9 descriptors for clients, then RST, for 8 s");
        let strangers: Vec<_> = (0..30)
            .map(|_| {
                let mut stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
                stranger.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
                stranger
            })
            .collect();
        let before = accepted(stage);
        for side in [Side::Client, Side::Server, Side::Listener] {
            stage.proxy(side).reset();
            stage.proxy(side).heal();
        }
        std::thread::sleep(Duration::from_secs(8));
        let state = stage.process("client").measure().get("state").unwrap_or_default().to_owned();
        stage.expect(state.starts_with("connecting"), || format!("A6b: the state is {state}"));
        let made = accepted(stage) - before;
        // Three programs, 2 a second each.
        stage.expect(made <= 3 * 18, || format!("A6b: {made} connections in 8 s"));
        stage.note(format!("A6b: {made} attempts of 6 connections in 8 s; state {state}"));
        drop(strangers);
        stage.lifted();
    });
}
