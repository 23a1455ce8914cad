//! B: the network.

use std::time::{Duration, Instant};

use tests::chaos::Words;
use tests::proxy::{Direction, Mode, Role};

use super::Row;
use crate::scenario::mixed;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new("B1", "all connections are closed with FIN under load", 25, cut),
    Row::new("B2", "all connections are closed with RST under load", 25, reset),
    Row::new("B3", "a black hole in both directions", 35, hold),
    Row::new("B5a", "a black hole towards the client", 30, hold_downstream_of_client),
    Row::new("B5b", "a black hole towards the server", 30, hold_downstream_of_server),
    Row::new("B12", "the connections are cut every 200 to 800 ms for 60 s", 85, flapping),
    Row::new("B14a", "a black hole on the publishing connection of the client alone", 30, hold_publishing),
    Row::new("B14b", "a black hole on the consuming connection of the client alone", 30, hold_consuming),
];

/// H is 2 s.
const DEAD: Duration = Duration::from_secs(5);

pub(super) const BOTH: [Side; 2] = [Side::Client, Side::Server];

fn cut(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("FIN on every connection");
        for side in BOTH {
            stage.proxy(side).cut();
            stage.proxy(side).heal();
        }
        stage.lifted();
    });
}

fn reset(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("RST on every connection");
        for side in BOTH {
            stage.proxy(side).reset();
            stage.proxy(side).heal();
        }
        stage.lifted();
    });
}

fn hold(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("hold both directions for 8 s");
        for side in BOTH {
            stage.proxy(side).set(Direction::Both, Mode::Hold);
        }
        is_found_dead(stage, "client");
        std::thread::sleep(Duration::from_secs(3));
        for side in BOTH {
            stage.proxy(side).heal();
        }
        stage.lifted();
    });
}

fn hold_downstream_of_client(stage: &mut Stage<'_>) {
    hold_downstream(stage, Side::Client, "client");
}

fn hold_downstream_of_server(stage: &mut Stage<'_>) {
    hold_downstream(stage, Side::Server, "one");
}

fn hold_downstream(stage: &mut Stage<'_>, side: Side, name: &str) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("hold downstream until it is noticed");
        stage.proxy(side).set(Direction::Downstream, Mode::Hold);
        is_found_dead(stage, name);
        stage.proxy(side).heal();
        stage.lifted();
    });
}

/// A link that is silent is given up after at most 2H + 1 s.
pub(super) fn is_found_dead(stage: &mut Stage<'_>, name: &str) {
    let since = Instant::now();
    let epoch = stage.process(name).measure().number("epoch");
    let noticed = stage.until(DEAD * 3, |stage| {
        let now = stage.process(name).measure();
        now.number("epoch") > epoch || !now.get("state").unwrap().starts_with("connected")
    });
    let took = since.elapsed();
    stage.expect(noticed, || format!("{name} did not notice that its link is dead within {took:?}"));
    stage.expect(took <= DEAD, || {
        format!("{name} noticed after {took:?} that its link is dead, limit 2H + 1 s")
    });
}

/// Cuts at moments between 200 and 800 ms that differ, from a fixed sequence.
fn flapping(stage: &mut Stage<'_>) {
    stage.start_all();
    let accepted = |stage: &mut Stage<'_>| stage.proxy(Side::Client).connections_accepted().len();
    let before = accepted(stage);
    stage.under_load(&mixed(), |stage| {
        stage.fault("FIN on every connection each 200 to 800 ms for 60 s");
        let since = Instant::now();
        let mut number = 0_u64;
        while since.elapsed() < Duration::from_secs(60) {
            number += 1;
            std::thread::sleep(Duration::from_millis(200 + number * 7_919 % 600));
            for side in BOTH {
                stage.proxy(side).cut();
                stage.proxy(side).heal();
            }
        }
        let made = accepted(stage) - before;
        stage.lifted();
        // Two a second for 60 s, and the pair that found the first cut.
        stage.expect(made <= 122, || format!("B12: {made} connections in 60 s, limit 2 a second"));
    });
}

fn hold_publishing(stage: &mut Stage<'_>) {
    stage.start_all();
    // These were sent before the fault. Their replies come on the other connection.
    stage
        .process("client")
        .ask(&Words::new("burst").with("count", 32).with("sleep", 1_500).with("deadline", 4_000));
    stage.wait_running("one", 32);
    stage.fault("hold the publishing connection");
    stage.proxy(Side::Client).only(Role::Publish).set(Direction::Both, Mode::Hold);
    let answered = stage.until(Duration::from_secs(3), |stage| stage.running("one") == 0);
    stage.expect(answered, || "B14: handlers still run".to_owned());
    stage.client_does(&Words::new("burst").with("count", 8).with("deadline", 1_000));
    let verdict = stage.judge();
    let call = verdict.tally(tests::checker::Kind::Call);
    // 5 of the warm-up, and those that were sent.
    stage.expect(call.ok == 5 + 32, || format!("B14: {call:?}; 37 were sent over a whole link"));
    std::thread::sleep(DEAD);
    stage.proxy(Side::Client).only(Role::Publish).heal();
    stage.lifted();
    stage.call_works(Duration::from_secs(5));
}

fn hold_consuming(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("hold the consuming connection until it is noticed");
        stage.proxy(Side::Client).only(Role::Consume).set(Direction::Both, Mode::Hold);
        is_found_dead(stage, "client");
        stage.proxy(Side::Client).only(Role::Consume).heal();
        stage.lifted();
    });
}
