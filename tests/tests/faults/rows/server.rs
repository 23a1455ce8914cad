//! E: servers.

use std::time::{Duration, Instant};

use serde_bytes::ByteBuf;
use tests::chaos::{Words, Work};
use tests::checker::Kind;
use tests::raw::{Message, RawClient};

use super::Row;
use crate::lane::{PASSWORD, USER};
use crate::scenario::{burst, mixed};
use crate::stage::Stage;

pub(super) const ROWS: &[Row] = &[
    Row::new("E1", "a server is killed with 64 calls running and 64 waiting", 30, killed_with_default_calls),
    Row::new("E2", "a server is killed with 64 idempotent calls running", 25, killed_with_idempotent_calls),
    Row::new("E3", "one of two servers is restarted in a loop under load", 40, drained_in_a_loop),
    Row::new("E4", "handlers panic", 15, panics),
    Row::new("E5", "handlers that take longer than their callers wait", 15, too_slow),
    Row::new(
        "E6",
        "every thread of the runtime is blocked by handlers for 12 s (long form: 60 s)",
        40,
        blocks_the_runtime,
    ),
    Row::new("E7", "slow handlers and a long queue", 60, slow_handlers),
    Row::new("E8", "one message is published twice", 15, published_twice),
    Row::new("E10", "the caller is gone when its replies come", 25, caller_gone),
    Row::new("E11", "a server falls silent in calls of ten minutes that listen for it", 25, falls_silent),
];

fn held(kind: Kind, count: u64) -> Words {
    burst(kind, count).with("held", 1)
}

/// What ran is in doubt at its deadline and ran once; what only waited runs on the other server.
fn killed_with_default_calls(stage: &mut Stage<'_>) {
    stage.server("one", &[]);
    stage.client("client");
    stage.process("client").ask(&held(Kind::Call, 128).with("deadline", 8_000));
    stage.wait_running("one", 64);
    std::thread::sleep(Duration::from_millis(300));
    stage.server("two", &["--workers", "64"]);
    stage.process("two").ask(&Words::new("release"));
    stage.fault("SIGKILL of the server");
    stage.kill("one");
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(20));
    let verdict = stage.judge();
    let call = verdict.tally(Kind::Call);
    stage.expect((call.ok, call.unknown) == (64, 64), || format!("E1: {call:?}; 64 ran, 64 waited"));
    stage.expect(call.duplicated == 0, || format!("E1: {call:?}; none may run twice"));
}

fn killed_with_idempotent_calls(stage: &mut Stage<'_>) {
    stage.server("one", &[]);
    stage.client("client");
    stage.process("client").ask(&held(Kind::Idempotent, 64));
    stage.wait_running("one", 64);
    stage.server("two", &[]);
    stage.process("two").ask(&Words::new("release"));
    stage.fault("SIGKILL of the server");
    stage.kill("one");
    stage.lifted();
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(20));
    let call = stage.judge().tally(Kind::Idempotent);
    stage.expect((call.ok, call.duplicated) == (64, 64), || {
        format!("E2: {call:?}; all run again and are answered")
    });
    let attempts: Vec<_> = stage
        .entries()
        .iter()
        .filter(|it| it.event == "started")
        .filter_map(|it| it.number("attempt"))
        .collect();
    let second = attempts.iter().filter(|attempt| **attempt == 2).count();
    stage.expect(second == 64, || {
        format!("E2: {second} of 64 second attempts say that they are: {attempts:?}")
    });
}

/// A rolling restart fails nothing.
fn drained_in_a_loop(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.server("two", &[]);
    let load = mixed().with("sleep", 30);
    stage.process("client").ask(&load);
    std::thread::sleep(Duration::from_millis(500));
    for _ in 0..6 {
        stage.fault("SIGTERM of a server, six times");
        let mut leaving = stage.remove("two");
        let since = Instant::now();
        leaving.signal("TERM");
        let status = leaving.wait(Duration::from_secs(8));
        let took = since.elapsed();
        stage.expect(status.is_some_and(|it| it.success()), || {
            format!("E3: the drain ended with {status:?} after {took:?}")
        });
        stage.expect(took < Duration::from_secs(7), || {
            format!("E3: the drain took {took:?}, limit grace + 2 s")
        });
        stage.server("two", &[]);
        stage.lifted();
        std::thread::sleep(Duration::from_millis(700));
    }
    stage.process("client").ask(&Words::new("stop"));
    let verdict = stage.judge();
    let (sent, ok) = (verdict.total(|tally| tally.sent), verdict.total(|tally| tally.ok));
    stage.expect(sent == ok, || format!("E3: {ok} of {sent} requests ended well: {:?}", verdict.tallies));
}

fn panics(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.fault("100 handlers panic");
    stage.client_does(&burst(Kind::Call, 100).with("panic", 1));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 100));
    let told = stage.entries().iter().filter(|it| it.detail("outcome") == Some("panicked")).count();
    stage.expect(told == 100, || format!("E4: {told} of 100 callers were told of the panic"));
    let leaks = ["service.rs", "/", "stack backtrace"];
    let texts: Vec<_> = stage
        .entries()
        .iter()
        .filter(|it| it.detail("outcome") == Some("panicked"))
        .filter_map(|it| it.detail("text").map(str::to_owned))
        .collect();
    let leaked = texts.iter().find(|text| leaks.iter().any(|leak| text.contains(leak))).cloned();
    stage.expect(leaked.is_none(), || format!("E4: a caller learns of the inside: {leaked:?}"));
    // What panics as a cast is kept.
    stage.client_does(&burst(Kind::Cast, 20).with("panic", 1));
    stage.read_kept();
}

/// The connection outlives the silence of the program's own runtime.
fn blocks_the_runtime(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "8", "--threads", "4"]);
    stage.client("client");
    stage.warm_up_calls();
    let epoch = stage.process("one").measure().number("epoch");
    let seconds = stage.options.amount(12, 60);
    stage.fault(format!("sleep in every thread for {seconds} s, H = 2 s"));
    let blocking =
        burst(Kind::Call, 4).with("block", seconds * 1_000).with("deadline", seconds * 1_000 + 8_000);
    stage.process("client").ask(&blocking);
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(seconds + 18));
    stage.lifted();
    let after = stage.process("one").measure().number("epoch");
    stage.expect(after == epoch, || format!("E6: the link was lost: epoch {after}, not {epoch}"));
    let call = stage.judge().tally(Kind::Call);
    stage.expect(call.duplicated == 0, || format!("E6: {call:?}"));
    stage.client_does(&burst(Kind::Call, 20));
}

/// No server holds more than it may, and a second one takes the rest.
fn slow_handlers(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "8"]);
    stage.client("client");
    stage.warm_up_calls();
    let slow = burst(Kind::Cast, 10_000).with("sleep", 10).with("deadline", 30_000);
    stage.fault("10,000 casts for 8 workers");
    stage.process("client").ask(&slow);
    let name = format!("rpc.{}.chaos", stage.exchange);
    stage.wait_running("one", 8);
    let memory = stage.process("one").measure().number("memory");
    let held = stage.broker().queue(&name).map_or(0, |queue| queue.unacknowledged);
    stage.expect(held <= 16, || format!("E7: {held} messages are unacknowledged; 8 run and 8 may wait"));
    let running = stage.running("one");
    stage.expect(running <= 8, || format!("E7: {running} handlers run, of 8 workers"));
    stage.server("two", &["--workers", "64"]);
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(60));
    let drained = stage.until(Duration::from_secs(60), |stage| stage.judge().tally(Kind::Cast).lost == 0);
    stage.expect(drained, || "E7: casts were lost".to_owned());
    stage.lifted();
    let grown = stage.process("one").measure().number("memory").saturating_sub(memory);
    stage.expect(grown < 8 * 1024, || format!("E7: the server grew by {grown} KiB"));
    stage.client_does(&burst(Kind::Call, 20));
    let two = stage.process("two").id();
    let taken = stage.entries().iter().filter(|it| it.event == "started" && it.process == two).count();
    stage.expect(taken > 1_000, || format!("E7: the second server took {taken} of 10,000"));
}

/// A handler is dropped at its caller's deadline, and its worker is free again.
fn too_slow(stage: &mut Stage<'_>) {
    stage.server("one", &["--workers", "8"]);
    stage.client("client");
    stage.warm_up_calls();
    stage.fault("8 workers, 8 calls of 60 s with a deadline of 1 s");
    stage.client_does(&burst(Kind::Call, 8).with("sleep", 60_000).with("deadline", 1_000));
    let is_free = stage.until(Duration::from_secs(1), |stage| stage.running("one") == 0);
    stage.expect(is_free, || "E5: handlers run on for nobody".to_owned());
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20).with("deadline", 2_000));
    let dropped = stage.entries().iter().filter(|entry| entry.detail("how") == Some("dropped")).count();
    stage.expect(dropped == 8, || format!("E5: {dropped} of 8 handlers were dropped"));
}

/// The same message id, within the window: it runs once, and both are answered alike.
fn published_twice(stage: &mut Stage<'_>) {
    stage.start_all();
    let (exchange, url) = (stage.exchange.clone(), stage.broker().url_for(USER, PASSWORD, "/"));
    stage.fault("an idempotent call is published twice with one message id, ten times");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answers = runtime.block_on(async {
        let client = RawClient::connect(&url).await;
        let mut replies = client.reply_queue().await;
        let mut answers = Vec::new();
        for number in 0..10 {
            let id = tests::chaos::new_id();
            let arguments = Arguments { id: &id, work: Work::default(), filler: ByteBuf::from("f") };
            let body = rmp_serde::to_vec_named(&arguments).unwrap();
            let mut request = Message::request("check_again", body).with_header("namespace", "chaos");
            request.message_id = Some(id.clone());
            let correlation_id = format!("call-{number}");
            let call = request.answered_at(replies.address(), &correlation_id);
            // The second finds that the first has run.
            for _ in 0..2 {
                assert!(client.publish(&format!("x.{exchange}"), "chaos", &call).await);
                let reply = replies.wait(&correlation_id).await;
                answers.push((id.clone(), reply.map(|reply| (reply.header("status"), reply.body))));
                // Until the answer is confirmed the first still runs, and its answer counts for the second.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        client.close().await;
        answers
    });
    stage.lifted();
    for pair in answers.chunks(2) {
        let id = &pair[0].0;
        let runs: Vec<_> = stage
            .entries()
            .iter()
            .filter(|it| it.event == "started" && it.subject == *id)
            .filter_map(|it| it.number("attempt"))
            .collect();
        let first = runs.iter().filter(|attempt| **attempt == 1).count();
        stage.expect(first == 1, || format!("E8: {id} ran as attempts {runs:?}"));
        stage.expect(pair[0].1.is_some() && pair[0].1 == pair[1].1, || {
            format!("E8: {id} was answered as {pair:?}")
        });
    }
    stage.forget_strangers();
    stage.client_does(&burst(Kind::Call, 20));
}

#[derive(serde::Serialize)]
struct Arguments<'a> {
    id: &'a str,
    work: Work,
    filler: ByteBuf,
}

/// Replies that nobody takes hold up no others.
fn caller_gone(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.client("victim");
    stage.process("victim").ask(&burst(Kind::Call, 32).with("sleep", 1_500).with("deadline", 12_000));
    stage.process("victim").ask(&burst(Kind::Idempotent, 32).with("sleep", 1_500).with("deadline", 12_000));
    stage.wait_running("one", 64);
    stage.fault("SIGKILL of a client with 64 calls running");
    stage.kill("victim");
    let queues = stage.broker().queues();
    let abandoned =
        queues.into_iter().filter(|it| it.name.starts_with("reply.chaos-client") && it.consumers == 0);
    let url = stage.broker().url_for(USER, PASSWORD, "/");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = RawClient::connect(&url).await;
        for queue in abandoned {
            client.delete_queue(&queue.name).await;
        }
        client.close().await;
    });
    stage.lifted();
    std::thread::sleep(Duration::from_secs(2));
    let since = Instant::now();
    stage.client_does(&burst(Kind::Call, 50).with("deadline", 3_000));
    let took = since.elapsed();
    stage.expect(took < Duration::from_secs(2), || format!("E10: 50 calls of another client took {took:?}"));
}

/// Who listens notices within the time that it asked for, and is told nothing of what has ended.
fn falls_silent(stage: &mut Stage<'_>) {
    let monitor = Duration::from_secs(2);
    stage.client("client");
    for (signal, fault) in [("STOP", "SIGSTOP of a server"), ("KILL", "SIGKILL of a server")] {
        stage.server("one", &[]);
        let long = held(Kind::Call, 8).with("deadline", 600_000).with("monitor", monitor.as_millis());
        stage.process("client").ask(&long);
        stage.wait_running("one", 8);
        std::thread::sleep(2 * monitor);
        let pending = stage.process("client").measure().number("pending");
        stage.expect(pending == 8, || format!("E11: {pending} of 8 calls wait for a server that is heard"));
        stage.fault(fault);
        let since = tests::ledger::now();
        stage.process("one").signal(signal);
        stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(20));
        let given_up = |it: &&tests::ledger::Entry| {
            it.at > since
                && it.detail("outcome") == Some("unresponsive")
                && it.detail("executed") == Some("unknown")
        };
        let times: Vec<_> = stage.entries().iter().filter(given_up).map(|it| it.at - since).collect();
        let latest = Duration::from_micros(times.iter().max().copied().unwrap_or_default());
        stage.expect(times.len() == 8 && latest < monitor + Duration::from_millis(250), || {
            format!(
                "E11: {fault}: {} of 8 calls were given up in silence, the last after {latest:?}",
                times.len()
            )
        });
        stage.kill("one");
    }
    stage.server("two", &[]);
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));

    let (exchange, url) = (stage.exchange.clone(), stage.broker().url_for(USER, PASSWORD, "/"));
    stage.fault("a listener calls a method that does not exist");
    let (told, more) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = RawClient::connect(&url).await;
        let mut replies = client.reply_queue().await;
        let request = Message::request("nothing", b"\x80").with_header("namespace", "chaos");
        let request = request.with_header("call-monitor-ms", "200").answered_at(replies.address(), "1");
        assert!(client.publish(&format!("x.{exchange}"), "chaos", &request).await);
        let told = replies.wait("1").await.and_then(|reply| reply.header("code"));
        // Nobody is called so; until then all others are taken in.
        let more = replies.wait("2").await.is_some() || !replies.left_over().is_empty();
        client.close().await;
        (told, more)
    });
    stage.expect(told.as_deref() == Some("no_such_method") && !more, || {
        format!("E11: the caller is told {told:?}, and more comes: {more}")
    });
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}
