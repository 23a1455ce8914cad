//! G: what strangers publish.

use std::process::Command;
use std::time::Duration;

use tests::chaos::Words;
use tests::checker::Kind;
use tests::hostile::{self, Case};
use tests::raw::frames::{Frames, Properties};
use tests::raw::{Message, RawClient, ReplyQueue, eventually};

use super::Row;
use crate::lane::{PASSWORD, USER};
use crate::scenario::burst;
use crate::stage::Stage;

pub(super) const ROWS: &[Row] = &[
    Row::new("G1", "random, empty and truncated bodies", 20, |stage| refused(stage, &hostile::bodies())),
    Row::new("G2", "arguments of another shape", 20, |stage| refused(stage, &hostile::shapes())),
    Row::new("G3", "unknown content types, encodings, versions and kinds", 25, |stage| {
        refused(stage, &[hostile::envelopes(), hostile::nested()].concat())
    }),
    Row::new("G5", "bodies nested 10^6 deep, a million keys, lengths of 4 GiB: memory and stack", 15, memory),
    Row::new("G6", "headers nested 1,500 and 15,000 deep, arrays 26,000 deep", 15, |stage| {
        unreadable(
            stage,
            &[
                ("1,500 tables", Properties::nested_headers(1_500)),
                ("15,000 tables", Properties::nested_headers(15_000)),
                ("26,000 arrays", Properties::nested_arrays(26_000)),
            ],
        );
    }),
    Row::new("G7", "text that is not UTF-8 in properties and in the name of a header", 15, |stage| {
        unreadable(
            stage,
            &[
                ("correlation id", Properties::correlation_id(b"caf\xe9")),
                ("message id", Properties::message_id(b"caf\xe9")),
                ("content type", Properties::content_type(b"caf\xe9")),
                ("name of a header", Properties::header_named(b"caf\xe9")),
            ],
        );
    }),
    Row::new("G8", "unknown methods, namespaces and versions", 20, |stage| {
        refused(stage, &hostile::unserved())
    }),
    Row::new("G9", "bodies above the limit of 4 MiB, sent and received", 25, large),
    Row::new("G10", "32 KB of zstd that are 1 GiB", 15, compression_bomb),
    Row::new("G12", "10,000 topics and methods that nobody serves (long form: 100,000)", 60, many_names),
    Row::new("N28", "results without a form, and errors without a text", 15, unwritable),
    Row::new("S4", "thirty reply addresses that are none", 40, reply_addresses),
];

/// A stranger, and what it needs to be answered.
struct Stranger {
    client: RawClient,
    replies: ReplyQueue,
    exchange: String,
    /// Where the client waits for its replies.
    victim: String,
    published: u64,
}

impl Stranger {
    async fn new(url: &str, exchange: &str, victim: String) -> Self {
        let client = RawClient::connect(url).await;
        let replies = client.reply_queue().await;
        Self { client, replies, exchange: exchange.to_owned(), victim, published: 0 }
    }

    async fn publish(&self, request: &Message) {
        let exchange = format!("x.{}", self.exchange);
        assert!(self.client.publish(&exchange, "chaos", request).await, "the queue of the server exists");
    }

    /// Publishes a call, and returns a header of its answer.
    async fn answer(&mut self, request: Message, header: &str) -> Option<String> {
        self.published += 1;
        let correlation_id = format!("call-{}", self.published);
        self.publish(&request.answered_at(self.replies.address(), &correlation_id)).await;
        self.replies.wait(&correlation_id).await?.header(header)
    }

    async fn dead_letter(&self) -> Option<Message> {
        let queue = format!("dlq.{}.chaos", self.exchange);
        eventually(async || self.client.get(&queue).await).await
    }

    /// The next good request is served.
    async fn is_served(&mut self) -> bool {
        self.answer(hostile::good_call(), "status").await.as_deref() == Some("ok")
    }
}

/// Lets a stranger do something, and expects that the server ran `good` of its requests and that calls work.
fn with_a_stranger(
    stage: &mut Stage<'_>,
    what: &str,
    good: usize,
    attack: impl AsyncFnOnce(&mut Stranger, &mut Vec<String>),
) {
    stage.start_all();
    let url = stage.broker().url_for(USER, PASSWORD, "/");
    let victim = stage.reply_queue();
    stage.fault(what);
    let mut wrong = Vec::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut stranger = Stranger::new(&url, &stage.exchange, victim).await;
        attack(&mut stranger, &mut wrong).await;
        let more = stranger.replies.left_over();
        wrong.extend((!more.is_empty()).then(|| format!("unexpected replies: {more:?}")));
        stranger.client.close().await;
    });
    for wrong in wrong {
        stage.problem(wrong);
    }
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
    let ran = stage.entries().iter().filter(|entry| entry.event == "counted").count();
    stage.expect(ran == good, || format!("{ran} requests of the stranger ran, {good} are good"));
}

/// The sender of a call is told; a cast is kept with the reason; and the next request is served.
fn refused(stage: &mut Stage<'_>, cases: &[Case<'_>]) {
    let what = format!("{} bad requests, as calls and as casts", cases.len());
    with_a_stranger(stage, &what, cases.len(), async |stranger, wrong| {
        for Case { name, request, code } in cases {
            let answered = stranger.answer(request.clone(), "code").await;
            if answered.as_deref() != Some(*code) {
                wrong.push(format!("{name}: answered with {answered:?}, not {code}"));
            }
            stranger.publish(request).await;
            let kept = stranger.dead_letter().await;
            let told = kept.as_ref().and_then(|message| message.header("dead-letter-code"));
            if told.as_deref() != Some(*code) || kept.is_none_or(|kept| kept.body != request.body) {
                wrong.push(format!("{name}: kept as {told:?}, not {code}, or with another body"));
            }
            if !stranger.is_served().await {
                wrong.push(format!("{name}: the next request is not served"));
            }
        }
    });
}

/// What the AMQP library cannot read is put away by the server and the listener, passed over by the client, and costs no
/// connection.
fn unreadable(stage: &mut Stage<'_>, messages: &[(&str, Properties)]) {
    let port = stage.broker().port();
    with_a_stranger(
        stage,
        "messages that the AMQP library cannot read",
        messages.len(),
        async |stranger, wrong| {
            let mut sender = Frames::connect_as(USER, PASSWORD, port);
            let queues = [format!("notify.{}.chaos.info.audit", stranger.exchange), stranger.victim.clone()];
            for (name, properties) in messages {
                sender.publish(&format!("x.{}", stranger.exchange), "chaos", properties);
                for queue in &queues {
                    sender.publish("", queue, properties);
                }
                for _ in 0..2 {
                    let kept = stranger.dead_letter().await;
                    if kept.and_then(|it| it.header("dead-letter-code")).as_deref() != Some("malformed") {
                        wrong.push(format!("{name}: not kept as malformed"));
                    }
                }
                if !stranger.is_served().await {
                    wrong.push(format!("{name}: the next request is not served"));
                }
            }
        },
    );
    for name in ["one", "audit", "client"] {
        let epoch = stage.process(name).measure().number("epoch");
        stage.expect(epoch == 1, || format!("{name} lost its link {} times", epoch - 1));
    }
}

fn memory(stage: &mut Stage<'_>) {
    stage.fault("bodies that claim much, decoded with 512 KiB of stack");
    let output = Command::new(env!("CARGO_BIN_EXE_measured-decode")).output().unwrap();
    stage.expect(output.status.success(), || {
        format!("G5: the program ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    stage.expect(text.lines().count() == 10, || format!("G5: not all was measured: {text}"));
    for line in text.lines() {
        let words: Words = line.parse().unwrap();
        let (body, peak) = (words.number("body"), words.number("peak"));
        let name = words.get("name").unwrap_or_default().to_owned();
        stage.expect(peak <= 4 * body + 64 * 1024, || {
            format!("G5: {name}: {peak} bytes for a body of {body}, limit 4 x body + 64 KiB")
        });
        stage.note(format!(
            "G5: {name}: {peak} bytes for {body}: {}",
            words.get("outcome").unwrap_or_default()
        ));
    }
}

/// Nothing too large leaves, and nothing too large is decoded; neither costs a channel.
fn large(stage: &mut Stage<'_>) {
    let cases = hostile::large();
    refused(stage, &cases);
    let links =
        |stage: &mut Stage<'_>| ["client", "one"].map(|name| stage.process(name).measure().number("epoch"));
    let before = links(stage);
    stage.client_does(&burst(Kind::Call, 4).with("size", 5 << 20));
    stage.client_does(&burst(Kind::Cast, 4).with("size", 17 << 20));
    let refused: Vec<_> = stage
        .entries()
        .iter()
        .filter(|it| it.detail("outcome") == Some("too_large") && it.detail("executed") == Some("not_sent"))
        .map(|it| it.subject.clone())
        .collect();
    stage.expect(refused.len() == 8, || format!("G9: {} of 8 were refused before they left", refused.len()));
    let after = links(stage);
    stage.expect(before == after, || format!("G9: links were lost: {after:?}, before {before:?}"));
    stage.client_does(&burst(Kind::Call, 4).with("size", 4_000_000));
    let ok = stage.judge().tally(Kind::Call).ok;
    stage.expect(ok == 5 + 20 + 4, || format!("G9: {ok} of 29 calls that are not too large were answered"));
}

fn compression_bomb(stage: &mut Stage<'_>) {
    with_a_stranger(stage, "32 KB of zstd that are 1 GiB, ten times", 1, async |stranger, wrong| {
        let bomb = hostile::add(zeros_in_zstd(8_192));
        for _ in 0..10 {
            let request = Message { content_encoding: Some("zstd".into()), ..bomb.clone() };
            let answered = stranger.answer(request, "code").await;
            if answered.as_deref() != Some("too_large") {
                wrong.push(format!("G10: answered with {answered:?}, not too_large"));
            }
        }
        if !stranger.is_served().await {
            wrong.push("G10: the next request is not served".to_owned());
        }
    });
    let server = stage.programs.iter_mut().find(|program| program.process.name == "one").unwrap();
    let before = server.baseline.as_ref().map_or(0, |baseline| baseline.number("memory"));
    let grown = server.process.measure().number("memory").saturating_sub(before);
    stage.expect(grown < 32 * 1024, || format!("G10: the server grew by {grown} KiB"));
}

/// A zstd frame of so many blocks, each of which repeats one byte 128 Ki times.
fn zeros_in_zstd(blocks: usize) -> Vec<u8> {
    // The magic number, no option, and a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for number in 1..=blocks {
        // From the lowest bit: last or not, of the kind that repeats, its length; and the byte.
        let header: u32 = u32::from(number == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Nothing is kept for a name that was heard once.
fn many_names(stage: &mut Stage<'_>) {
    stage.start_all();
    let count = stage.options.amount(10_000, 100_000);
    stage.fault(format!("calls to {count} topics and {count} methods that nobody serves"));
    let limit = Duration::from_secs(count / 20);
    let mut sizes = Vec::new();
    // What the first make grow are buffers that everybody needs: those of a connection are touched once over their
    // length.
    for (from, count) in [(0, 5_000), (5_000, count - 5_000)] {
        let calls = Words::new("strangers").with("from", from).with("count", count);
        let wrong = stage.process("client").ask_within(&calls, limit).number("wrong");
        stage.expect(wrong == 0, || format!("G12: {wrong} of {count} pairs of calls ended in another way"));
        sizes.push(["client", "one"].map(|name| stage.process(name).measure().number("memory")));
    }
    stage.lifted();
    for (before, now) in sizes[0].into_iter().zip(sizes[1]) {
        stage.expect(now <= before + before / 20 + 1_024, || {
            format!("G12: a process grew from {before} to {now} KiB by names that it heard once")
        });
    }
    stage.note(format!("G12: KiB of client and server after 5,000 and after all: {sizes:?}"));
    stage.client_does(&burst(Kind::Call, 20));
}

/// The caller is told, and the worker is free for the next.
fn unwritable(stage: &mut Stage<'_>) {
    with_a_stranger(stage, "100 results and 100 errors that cannot be told", 300, async |stranger, wrong| {
        let of = |method: &str| hostile::add(hostile::encode(&())).with_header("method", method);
        for _ in 0..100 {
            for (method, wanted) in [("unwritable", "remote_error"), ("unspeakable", "")] {
                let status = stranger.answer(of(method), "code").await;
                if status.is_none() || !status.as_deref().is_some_and(|code| code.contains(wanted)) {
                    wrong.push(format!("N28: {method} was answered with {status:?}"));
                }
            }
            if !stranger.is_served().await {
                wrong.push("N28: the next request is not served".to_owned());
            }
        }
    });
    let running = stage.running("one");
    stage.expect(running == 0, || format!("N28: {running} handlers still run"));
}

/// No server publishes to an address that is not of our form.
fn reply_addresses(stage: &mut Stage<'_>) {
    let own = format!("rpc.{}.chaos", stage.exchange);
    let addresses = hostile::hostile_addresses(&own);
    let what = format!("{} reply addresses", addresses.len());
    with_a_stranger(stage, &what, addresses.len(), async |stranger, wrong| {
        // The queue exists, so an answer would arrive. Names that start with `amq.` are the broker's.
        let traps: Vec<_> = addresses.iter().filter(|it| !it.starts_with("amq.") && **it != own).collect();
        for trap in &traps {
            stranger.client.declare(trap).await;
        }
        for address in &addresses {
            stranger.publish(&hostile::good_call().answered_at(address, "victim")).await;
            let kept = stranger.dead_letter().await;
            if kept.and_then(|message| message.header("dead-letter-code")).as_deref() != Some("malformed") {
                wrong.push(format!("{address:?}: not kept as malformed"));
            }
            if !stranger.is_served().await {
                wrong.push(format!("{address:?}: the next request is not served"));
            }
        }
        for trap in traps {
            if let Some(message) = stranger.client.get(trap).await {
                wrong.push(format!("{trap:?} got {message:?}"));
            }
            stranger.client.delete_queue(trap).await;
        }
    });
}
