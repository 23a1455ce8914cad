//! F and N: replies, the queue that they come by, and who may use it.

use std::time::{Duration, Instant};

use tests::chaos::{Words, filler, sum};
use tests::checker::Kind;
use tests::ledger::Ledger;
use tests::raw::{Message, RawClient};

use super::Row;
use crate::lane::{PASSWORD, USER};
use crate::scenario::burst;
use crate::settle::id_in;
use crate::stage::Stage;

pub(super) const ROWS: &[Row] = &[
    Row::new("F7", "the client forks, and its child makes a call", 15, forked),
    Row::new("F8", "late, doubled and forged replies (N26)", 20, forged),
    Row::new(
        "G11",
        "errors with 3 MB of text, control characters and false type names",
        15,
        monstrous_errors,
    ),
    Row::new(
        "N23",
        "the reply queue of a dead client, with 5 s to expire (long form: its own 2 minutes)",
        25,
        left_behind,
    ),
    Row::new(
        "N24",
        "a call that takes longer than its reply queue needs to expire",
        30,
        longer_than_the_queue,
    ),
];

/// The child is told at once that it cannot, and the connections of its parent are not touched.
fn forked(stage: &mut Stage<'_>) {
    stage.start_all();
    let epoch = stage.process("client").measure().number("epoch");
    stage.fault("a call in a forked child");
    let child = stage.process("client").ask(&Words::new("fork")).number("process");
    stage.lifted();
    let of_child: Vec<_> =
        stage.entries().iter().filter(|it| u64::from(it.process) == child).cloned().collect();
    let invoked = of_child.iter().find(|it| it.event == "invoked");
    let resolved = of_child.iter().find(|it| it.event == "resolved");
    stage.expect(resolved.is_some_and(|it| it.detail("executed") == Some("not_sent")), || {
        format!("F7: the call of the child is not `not sent`: {resolved:?}")
    });
    stage.expect(
        resolved.is_some_and(|it| it.detail("text").is_some_and(|text| text.contains("fork"))),
        || {
            format!(
                "F7: the error does not speak of the fork: {:?}",
                resolved.and_then(|it| it.detail("text"))
            )
        },
    );
    if let Some((invoked, resolved)) = invoked.zip(resolved) {
        let took = Duration::from_micros(resolved.at.saturating_sub(invoked.at));
        stage.expect(took <= Duration::from_millis(500), || format!("F7: the child waited for {took:?}"));
    }
    stage.client_does(&burst(Kind::Call, 50));
    let now = stage.process("client").measure().number("epoch");
    stage.expect(now == epoch, || format!("F7: the parent has lost its link: epoch {now}, before {epoch}"));
}

/// A client whose requests a stranger takes, because the server has left.
fn without_a_server(stage: &mut Stage<'_>) -> (String, String) {
    stage.server("one", &[]);
    stage.client("client");
    stage.warm_up_calls();
    let mut leaving = stage.remove("one");
    leaving.signal("TERM");
    let _ = leaving.wait(Duration::from_secs(8));
    (stage.broker().url_for(USER, PASSWORD, "/"), format!("rpc.{}.chaos", stage.exchange))
}

fn reply(body: impl Into<Vec<u8>>) -> Message {
    let plain = Message::new(body).with_header("status", "ok");
    Message { kind: Some("reply".into()), content_type: Some("application/msgpack".into()), ..plain }
}

/// What a server would answer, and what it would write down.
fn answered(ledger: &Ledger, request: &Message) -> Message {
    let id = id_in(&request.body).expect("a request has an id");
    let sum = sum(&id, &filler(0));
    let message = request.message_id.clone().unwrap_or_default();
    let checksum = format!("{sum:016x}");
    ledger.write_with("started", &id, &[("sum", &checksum), ("attempt", &1), ("message", &message)]);
    reply(rmp_serde::to_vec(&sum).unwrap())
}

async fn send(stranger: &RawClient, request: &Message, reply: Message) {
    let correlation_id = reply.correlation_id.clone().or_else(|| request.correlation_id.clone());
    let address = request.reply_to.clone().unwrap_or_default();
    assert!(stranger.publish("", &address, &Message { correlation_id, ..reply }).await, "the client listens");
}

/// Only the first right reply in time ends a call.
fn forged(stage: &mut Stage<'_>) {
    let (url, queue) = without_a_server(stage);
    let ledger = Ledger::open(&stage.ledger());
    stage.fault("five forged replies to each of 16 calls; then right ones, twice, for half, and late ones for the rest");
    stage.process("client").ask(&burst(Kind::Call, 16).with("deadline", 6_000));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stranger = RawClient::connect(&url).await;
        let mut requests = Vec::new();
        for _ in 0..16 {
            requests.push(stranger.take(&queue).await);
        }
        let since = Instant::now();
        for request in &requests {
            let strangers = [
                Message { correlation_id: Some("0".repeat(32)), ..reply([6]) },
                Message { correlation_id: Some("not one of ours".into()), ..reply([6]) },
                Message { kind: Some("request".into()), ..reply([6]) },
                Message { kind: Some("notification".into()), ..reply([6]) },
                Message { kind: None, ..reply([6]) },
            ];
            for forged in strangers {
                send(&stranger, request, forged).await;
            }
        }
        let (in_time, late) = requests.split_at(8);
        for request in in_time {
            let right = answered(&ledger, request);
            send(&stranger, request, right.clone()).await;
            send(&stranger, request, right).await;
        }
        tokio::time::sleep(Duration::from_millis(6_500).saturating_sub(since.elapsed())).await;
        for request in late {
            send(&stranger, request, answered(&ledger, request)).await;
        }
        stranger.close().await;
    });
    stage.process("client").ask(&Words::new("stop"));
    let call = stage.judge().tally(Kind::Call);
    stage.expect((call.ok, call.unknown) == (5 + 8, 8), || format!("F8: {call:?}; 13 in time, 8 late"));
    stage.server("two", &[]);
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

/// The caller gets an error that fits a log, and none of it is taken for more than text.
fn monstrous_errors(stage: &mut Stage<'_>) {
    let (url, queue) = without_a_server(stage);
    let ledger = Ledger::open(&stage.ledger());
    stage.fault("error replies with 60 KB of control characters, 3 MB of data and types named like code");
    stage.process("client").ask(&burst(Kind::Call, 6));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stranger = RawClient::connect(&url).await;
        for number in 0..6 {
            let request = stranger.take(&queue).await;
            let _ = answered(&ledger, &request);
            let code = ["service_error", "remote_error", "os.system"][number % 3];
            let text = "\u{1b}[2J\u{7}x".repeat(10_000);
            let body =
                if number < 3 { rmp_serde::to_vec(&"\u{1b}".repeat(3_000_000)).unwrap() } else { Vec::new() };
            let error = reply(body).with_header("status", "error").with_header("code", code);
            let error = error.with_header("message", &text).with_header("executed", "executed");
            send(&stranger, &request, error.with_header("error-type", "builtins.eval")).await;
        }
        stranger.close().await;
    });
    stage.process("client").ask(&Words::new("stop"));
    let told: Vec<_> = stage.entries().iter().filter(|it| it.number("length").is_some()).cloned().collect();
    stage.expect(told.len() == 6, || format!("G11: {} of 6 callers were told of an error", told.len()));
    let longest = told.iter().filter_map(|it| it.number("length")).max().unwrap_or(0);
    stage.expect(longest <= 8 * 1024, || format!("G11: a text of {longest} bytes, limit 8 KiB"));
    let hostile =
        told.iter().filter(|it| it.detail("text").is_some_and(|text| text.contains(char::is_control)));
    let hostile = hostile.count();
    stage.expect(hostile == 0, || format!("G11: {hostile} texts hold control characters"));
    let log = stage.process("client").log();
    stage.expect(!log.contains('\u{7}'), || "G11: the log holds control characters".to_owned());
    stage.server("two", &[]);
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

impl Stage<'_> {
    /// Lets reply queues of this vhost expire after so many seconds; 0 for their own time.
    pub(super) fn let_reply_queues_expire(&mut self, seconds: u64) {
        if seconds == 0 {
            let policies = self.broker().ctl(&["list_policies"]);
            if policies.contains("replies") {
                self.broker().ctl(&["clear_policy", "replies"]);
            }
        } else {
            let expiry = format!(r#"{{"expires":{}}}"#, seconds * 1_000);
            self.broker().ctl(&["set_policy", "replies", "^reply\\.", &expiry, "--apply-to", "queues"]);
        }
    }
}

/// Nothing is left of a client that is gone.
fn left_behind(stage: &mut Stage<'_>) {
    stage.start_all();
    let of_client = stage.reply_queue();
    stage.client("victim");
    stage.process("victim").ask(&burst(Kind::Call, 1));
    stage.process("victim").ask(&Words::new("stop"));
    let queues = stage.broker().queues();
    let is_its = |name: &str| name.starts_with("reply.chaos-client") && name != of_client;
    let name =
        queues.into_iter().find(|it| is_its(&it.name) && it.consumers > 0).expect("a reply queue").name;
    let listed = stage.broker().ctl(&["list_queues", "name", "arguments"]);
    let arguments = listed.lines().find(|line| line.starts_with(&name)).unwrap_or_default().to_owned();
    let expires = arguments.contains(r#"{"x-expires",120000}"#);
    stage.expect(expires, || format!("N23: a reply queue expires otherwise: {arguments}"));
    let seconds = stage.options.amount(5, 120);
    if seconds < 120 {
        stage.let_reply_queues_expire(seconds);
    }
    stage.fault("SIGKILL of a client");
    stage.kill("victim");
    let since = Instant::now();
    let is_there = |stage: &mut Stage<'_>| stage.broker().queue(&name).is_some();
    let is_left = is_there(stage);
    stage.expect(is_left, || "N23: it is gone at once".to_owned());
    let gone = stage.until(Duration::from_secs(seconds + 10), |stage| !is_there(stage));
    let took = since.elapsed();
    // What it takes to ask comes on top.
    stage.expect(gone && took < Duration::from_secs(seconds + 5), || {
        format!("N23: there still after {took:?}")
    });
    stage.let_reply_queues_expire(0);
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

/// A queue that somebody consumes from does not expire.
fn longer_than_the_queue(stage: &mut Stage<'_>) {
    stage.start_all();
    stage.let_reply_queues_expire(4);
    let before = stage.reply_queue();
    stage.fault("reply queues expire after 4 s, calls take 12 s, then nothing for 8 s");
    stage.process("client").ask(&burst(Kind::Call, 16).with("sleep", 12_000).with("deadline", 20_000));
    stage.process("client").ask_within(&Words::new("stop"), Duration::from_secs(25));
    std::thread::sleep(Duration::from_secs(8));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let call = stage.judge().tally(Kind::Call);
    stage.expect(call.ok == call.sent, || format!("N24: {call:?}; all have to be answered"));
    let after = stage.reply_queue();
    stage.expect(before == after, || format!("N24: the reply queue is {after}, and was {before}"));
    stage.let_reply_queues_expire(0);
}
