//! C: queues, exchanges and channels.

use std::collections::BTreeSet;
use std::time::Duration;

use tests::chaos::Words;
use tests::checker::Kind;

use super::{Needs, Row};
use crate::lane::{PASSWORD, USER};
use crate::scenario::{burst, mixed};
use crate::stage::Stage;

pub(super) const ROWS: &[Row] = &[
    Row::new("C1", "an administrator closes all connections", 25, closed_by_administrator),
    Row::new("C2", "the reply queue is deleted with calls in flight", 25, reply_queue_deleted),
    Row::new("C4", "the service queue is deleted", 25, service_queue_deleted),
    Row::new("C5", "the exchange is deleted", 25, exchange_deleted),
    Row::new("C7", "the service queue is replaced by one of other arguments", 40, replaced),
    Row::new("C9", "a handler takes longer than the broker's consumer timeout", 60, consumer_timeout)
        .on(Needs::FreshNode),
    Row::new(
        "C11",
        "unroutable calls among others, 1 and 256 at a time, for 5 s each (long form: 100,000)",
        35,
        unroutable,
    ),
    Row::new("C12", "the queue exists and nobody consumes", 15, nobody_consumes),
    Row::new("C13", "requests expire in the queue of a slow server", 15, expired),
    Row::new(
        "C14",
        "the client stands still until its reply queue has expired, after 10 s (long form: 2 minutes)",
        50,
        reply_queue_expired,
    ),
];

fn closed_by_administrator(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.under_load(&mixed(), |stage| {
        stage.fault("close_all_connections");
        stage.broker().ctl(&["close_all_connections", "--global", "for the test"]);
        stage.lifted();
    });
}

/// Deletes a queue, and waits until it is there again: at most 500 ms, and what `rabbitmqctl` takes to say so.
fn delete(stage: &mut Stage<'_>, name: &str) {
    stage.fault(format!("delete {}", name.split('.').next().unwrap()));
    stage.broker().ctl(&["delete_queue", name]);
    stage.lifted();
}

/// Replies to calls that run find the queue again under its name: none is lost.
fn reply_queue_deleted(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "256"]);
    stage.listener("audit");
    stage.client("client");
    stage.warm_up();
    let name = stage.reply_queue();
    stage.process("client").ask(&burst(Kind::Call, 64).with("held", 1).with("deadline", 12_000));
    stage.wait_running("one", 64);
    // These tell when calls are answered again.
    stage.process("client").ask(&Words::new("load").with("call-rate", 20));
    delete(stage, &name);
    let is_back = stage.until(Duration::from_secs(3), |stage| {
        let found = stage.broker().queue(&name);
        found.is_some_and(|queue| queue.consumers == 1)
    });
    stage.expect(is_back, || format!("C2: {name} is not there again"));
    stage.process("one").ask(&Words::new("release"));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(20));
    let held: BTreeSet<_> = (stage.entries().iter().filter(|it| it.detail("deadline") == Some("12000")))
        .map(|it| it.subject.clone())
        .collect();
    let answered =
        stage.entries().iter().filter(|it| it.detail("answer").is_some() && held.contains(&it.subject));
    let answered = answered.count();
    stage.expect(answered == 64, || format!("C2: {answered} of 64 calls that ran were answered"));
    stage.client_does(&burst(Kind::Call, 20));
}

fn service_queue_deleted(stage: &mut Stage<'_>) {
    stage.start_all();
    let name = format!("rpc.{}.chaos", stage.exchange);
    // At a rate, since a call that lay in the queue waits for its deadline, and whoever waits for it makes no other.
    stage.under_load(&mixed(), |stage| {
        delete(stage, &name);
    });
    stage.process("client").ask(&Words::new("stop"));
    // What was not answered was told at once that nobody is there, or lay in the queue when it was deleted.
    let verdict = stage.judge();
    let call = verdict.tally(Kind::Call);
    stage.note(format!("C4: {} of {} calls unroutable, {} in doubt", call.not_sent, call.sent, call.unknown));
}

fn exchange_deleted(stage: &mut Stage<'_>) {
    stage.start_all();
    let exchange = format!("x.{}", stage.exchange);
    stage.under_load(&mixed(), |stage| {
        stage.fault("exchange.delete");
        let url = stage.broker().url_for(USER, PASSWORD, "/");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = tests::raw::RawClient::connect(&url).await;
            client.delete_exchange(&exchange).await;
            client.close().await;
        });
        stage.lifted();
    });
}

/// That topic is degraded, and the rest of the process goes on: its replies and its notifications.
fn replaced(stage: &mut Stage<'_>) {
    stage.start_all();
    let name = format!("rpc.{}.chaos", stage.exchange);
    stage.fault("delete the queue and create it with a length limit, for 10 s");
    let url = stage.broker().url_for(USER, PASSWORD, "/");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = tests::raw::RawClient::connect(&url).await;
        client.replace_queue(&name).await;
        client.close().await;
    });
    let before = stage.entries().len();
    stage.client_does(&burst(Kind::Notification, 20).with("deadline", 3_000));
    let works =
        stage.entries()[before..].iter().filter(|entry| entry.detail("outcome") == Some("ok")).count();
    stage.expect(works == 20, || format!("C7: {works} of 20 notifications were taken meanwhile"));
    std::thread::sleep(Duration::from_secs(8));
    stage.broker().ctl(&["delete_queue", &name]);
    stage.lifted();
    // It is tried again each 30 s.
    stage.heal_limit = Duration::from_secs(33);
    stage.call_works(Duration::from_secs(35));
    stage.client_does(&burst(Kind::Call, 20));
}

/// Only what is acknowledged after its handler can be too late: default calls are not affected.
fn consumer_timeout(stage: &mut Stage<'_>) {
    let set = "application:set_env(rabbit, consumer_timeout, 4000), application:set_env(rabbit, channel_tick_interval, 1000).";
    stage.broker().ctl(&["eval", set]);
    stage.start_all();
    let epoch = stage.process("one").measure().number("epoch");
    stage.fault("consumer timeout of 4 s, a cast that takes 12 s");
    stage.process("client").ask(&burst(Kind::Cast, 1).with("sleep", 12_000));
    stage.process("client").ask(&Words::new("load").with("calls", 8).with("pause", 100));
    std::thread::sleep(Duration::from_secs(14));
    stage.broker().ctl(&["eval", "application:set_env(rabbit, consumer_timeout, 1800000)."]);
    stage.lifted();
    stage.heal_briefly();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(15));
    let verdict = stage.judge();
    let call = verdict.tally(Kind::Call);
    stage.expect(call.sent == call.ok, || {
        format!("C9: {call:?}; default calls are acknowledged at their start")
    });
    let after = stage.process("one").measure().number("epoch");
    stage.expect(after == epoch, || {
        format!("C9: the connection was given up, too: epoch {after}, not {epoch}")
    });
}

/// Exactly the right ones are told, and at once.
fn unroutable(stage: &mut Stage<'_>) {
    stage.start_all();
    for callers in [1, 256] {
        stage.fault(format!("every third call goes to nobody, {callers} at a time"));
        let load = Words::new("load").with("calls", callers).with("nowhere", 3).with("deadline", 20_000);
        stage.process("client").ask(&load);
        std::thread::sleep(Duration::from_secs(5));
        // Half of them one by one, and half 256 at a time.
        let wanted = stage.options.amount(0, if callers == 1 { 50_000 } else { 100_000 });
        let enough = stage.until(Duration::from_secs(600), |stage| {
            std::thread::sleep(Duration::from_secs(1));
            stage.judge().tally(Kind::Call).sent >= wanted
        });
        stage.expect(enough, || format!("C11: not {wanted} calls within ten minutes"));
        stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(30));
    }
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let nowhere: BTreeSet<_> = stage
        .entries()
        .iter()
        .filter(|entry| entry.detail("nowhere") == Some("true"))
        .map(|entry| entry.subject.clone())
        .collect();
    let resolved = stage.entries().iter().filter(|entry| entry.event == "resolved");
    let wrong = |entry: &&tests::ledger::Entry| {
        (entry.detail("outcome") == Some("unroutable")) != nowhere.contains(&entry.subject)
    };
    let (all, wrong) = (resolved.clone().count(), resolved.filter(wrong).count());
    stage.expect(wrong == 0, || format!("C11: {wrong} of {all} were told what is true of another"));
    stage.note(format!("C11: {} of {all} were unroutable", nowhere.len()));
}

fn nobody_consumes(stage: &mut Stage<'_>) {
    stage.server("one", &[]);
    stage.client("client");
    stage.warm_up_calls();
    stage.fault("the only server has left");
    let mut leaving = stage.remove("one");
    leaving.signal("TERM");
    let _ = leaving.wait(Duration::from_secs(8));
    stage.client_does(&burst(Kind::Call, 20).with("deadline", 1_000));
    let texts: Vec<_> = stage
        .entries()
        .iter()
        .filter(|entry| entry.detail("outcome") == Some("deadline_exceeded"))
        .filter_map(|entry| entry.detail("text").map(str::to_owned))
        .collect();
    stage.expect(texts.len() == 20, || format!("C12: {} of 20 calls ended at their deadline", texts.len()));
    let tell = texts.iter().filter(|text| text.contains("consumer")).count();
    stage.expect(tell == 20, || format!("C12: {tell} of 20 say that nobody consumes: {:?}", texts.first()));
    stage.server("two", &[]);
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let verdict = stage.judge();
    stage.expect(verdict.tally(Kind::Call).ok == 25, || format!("C12: {:?}", verdict.tally(Kind::Call)));
}

/// A call whose time is over before a worker is free never runs.
fn expired(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "2"]);
    stage.client("client");
    stage.warm_up_calls();
    stage.fault("2 workers held for 3 s, 50 calls with 1 s");
    stage.process("client").ask(&burst(Kind::Call, 2).with("held", 1));
    stage.wait_running("one", 2);
    stage.process("client").ask(&burst(Kind::Call, 50).with("deadline", 1_000));
    std::thread::sleep(Duration::from_secs(3));
    stage.process("one").ask(&Words::new("release"));
    stage.lifted();
    stage.process("client").ask(&Words::new("stop"));
    stage.client_does(&burst(Kind::Call, 20));
    std::thread::sleep(Duration::from_secs(1));
    let short: BTreeSet<_> = stage
        .entries()
        .iter()
        .filter(|entry| entry.detail("deadline") == Some("1000"))
        .map(|entry| entry.subject.clone())
        .collect();
    let ran = stage
        .entries()
        .iter()
        .filter(|entry| entry.event == "started" && short.contains(&entry.subject))
        .count();
    stage.expect(ran == 0, || format!("C13: {ran} of 50 expired calls ran"));
}

/// The broker drops the client after 2H, and its queue when it has been idle for long enough.
fn reply_queue_expired(stage: &mut Stage<'_>) {
    stage.start_all();
    let held = stage.process("client").id();
    stage.process("client").ask(&burst(Kind::Call, 16).with("sleep", 3_000));
    stage.wait_running("one", 16);
    if !stage.options.long {
        stage.let_reply_queues_expire(10);
    }
    let name = stage.reply_queue();
    let seconds = stage.options.amount(30, 180);
    stage.fault(format!("SIGSTOP of the client for {seconds} s"));
    stage.process("client").signal("STOP");
    let from = tests::ledger::now();
    std::thread::sleep(Duration::from_secs(seconds));
    let left = stage.broker().queue(&name).is_some();
    stage.let_reply_queues_expire(0);
    stage.expect(!left, || "C14: the reply queue has not expired".to_owned());
    stage.process("client").signal("CONT");
    stage.circumstances.paused.push((held, from, tests::ledger::now()));
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(15));
    stage.call_works(Duration::from_secs(5));
    stage.client_does(&burst(Kind::Call, 20));
}
