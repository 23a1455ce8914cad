//! C and H: what the broker or the configuration does not allow.

use std::time::{Duration, Instant};

use rpc_amqp::{AmqpTransport, QueueType};
use tests::chaos::{Demand, Requester, Words};
use tests::checker::Kind;
use tests::ledger::{self, Ledger};
use tests::raw::RawClient;

use super::Row;
use super::storm::{runtime, serve_here};
use crate::lane::{PASSWORD, USER};
use crate::scenario::burst;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "C6",
        "the service queue exists with other arguments when a server starts",
        15,
        refused_at_start,
    ),
    Row::new("C10", "a full queue refuses, and says so within 50 ms (N31)", 20, full),
    Row::new("H6", "the broker offers heartbeat 0, and a client asks for 0", 20, no_heartbeat),
];

/// That topic is refused for good; another topic of the same process is served.
fn refused_at_start(stage: &mut Stage<'_>) {
    let (url, exchange, path) = (stage.url(Side::Server), stage.exchange.clone(), stage.ledger());
    let broker = stage.broker().url_for(USER, PASSWORD, "/");
    let name = format!("rpc.{exchange}.chaos");
    stage.fault("a classic queue of the name, and servers that want a quorum queue");
    let (took, refusal, after, served) = runtime().block_on(async {
        let client = RawClient::connect(&broker).await;
        client.declare(&name).await;
        let transport = AmqpTransport::builder(&url).queue_type(QueueType::Quorum).connect().await.unwrap();
        let since = Instant::now();
        let refusal = serve_here(&transport, &exchange, "chaos", "one", &path).await.err();
        let took = since.elapsed();
        let _other = serve_here(&transport, &exchange, "other", "one", &path).await.unwrap();
        let served = ledger::now();
        let requester = Requester::new(&transport, &exchange, "other", Ledger::open(&path).into());
        for _ in 0..20 {
            requester.request(Demand::new(Kind::Call)).await;
        }
        let after = transport.status().now();
        client.delete_queue(&name).await;
        client.close().await;
        transport.close(Duration::from_secs(2)).await;
        (took, refusal, after, served)
    });
    stage.lifted_at = Some(served);
    let text = refusal.as_ref().map(ToString::to_string).unwrap_or_default();
    let words = [&*name, "x-queue-type=quorum", "PRECONDITION_FAILED"];
    stage.expect(words.iter().all(|word| text.contains(word)), || format!("C6: the error says {text:?}"));
    stage.expect(refusal.is_some_and(|error| !error.is_retryable()), || format!("C6: worth a retry: {text}"));
    stage.expect(took < Duration::from_secs(1), || format!("C6: refused after {took:?}, limit 1 s"));
    stage.expect(after.epoch == 1, || format!("C6: the link was lost: {after}"));
    // A program that serves nothing else ends with that error, and does not try for ever.
    runtime().block_on(async {
        let client = RawClient::connect(&broker).await;
        client.declare(&name).await;
        client.close().await;
    });
    stage.query = "&queue_type=quorum".to_owned();
    let mut process = stage.start_unready("two");
    let ended = process.wait(Duration::from_secs(10));
    stage.expect(ended.is_some_and(|status| !status.success()), || {
        format!("C6: a program ended with {ended:?}")
    });
    let log = process.log();
    stage.expect(log.contains(&name), || format!("C6: its log does not name the queue: {log}"));
}

/// A nack means that the queue did not take it: it is not sent, and the caller knows at once.
fn full(stage: &mut Stage<'_>) {
    stage.query = "&prefetch=1".to_owned();
    stage.server("one", &["--workers", "1"]);
    stage.client("client");
    stage.warm_up_calls();
    let pattern = format!("^rpc\\.{}\\.", stage.exchange);
    let limits = r#"{"max-length":100,"overflow":"reject-publish"}"#;
    let policy = stage.exchange.clone();
    stage.broker().ctl(&["set_policy", &policy, &pattern, limits, "--apply-to", "queues"]);
    stage.process("client").ask(&burst(Kind::Call, 1).with("held", 1).with("deadline", 40_000));
    stage.wait_running("one", 1);
    stage.fault("300 casts to a queue that takes 100, and 20 more, one by one");
    stage.process("client").ask(&burst(Kind::Cast, 300));
    let ended = stage.until(Duration::from_secs(15), |stage| {
        let cast = stage.judge().tally(Kind::Cast);
        cast.not_sent + cast.unknown == cast.sent
    });
    stage.expect(ended, || "C10: casts are without an end".to_owned());
    let from = ledger::now();
    for _ in 0..20 {
        let before = stage.judge().tally(Kind::Cast).not_sent;
        stage.process("client").ask(&burst(Kind::Cast, 1));
        stage.until(Duration::from_secs(5), |stage| stage.judge().tally(Kind::Cast).not_sent > before);
    }
    let refused: Vec<_> =
        stage.entries().iter().filter(|it| it.detail("outcome") == Some("overloaded")).cloned().collect();
    stage.expect(refused.len() >= 200, || format!("C10: {} casts were refused as overload", refused.len()));
    let unsure = refused.iter().filter(|it| it.detail("executed") != Some("not_sent")).count();
    stage.expect(unsure == 0, || format!("C10: {unsure} of {} refusals are not `not sent`", refused.len()));
    let mut times: Vec<_> = refused
        .iter()
        .filter(|it| it.at > from)
        .filter_map(|it| {
            let invoked = stage
                .entries()
                .iter()
                .find(|asked| asked.event == "invoked" && asked.subject == it.subject)?;
            (invoked.at > from).then(|| Duration::from_micros(it.at - invoked.at))
        })
        .collect();
    times.sort();
    stage.expect(times.len() == 20, || format!("C10: {} of 20 single casts were refused", times.len()));
    // The machine may stand still for one of them.
    let slowest = times.iter().rev().nth(1).copied().unwrap_or_default();
    stage.note(format!("C10: single casts were refused within {slowest:?}, all but one"));
    stage.expect(slowest <= Duration::from_millis(50), || {
        format!("C10: refused after {slowest:?}, limit 50 ms")
    });
    stage.broker().ctl(&["clear_policy", &policy]);
    stage.process("one").ask(&Words::new("release"));
    stage.lifted();
    stage.client_does(&burst(Kind::Call, 20));
}

/// Ours is kept, and said; none at all is refused before anything is tried.
fn no_heartbeat(stage: &mut Stage<'_>) {
    stage.fault("heartbeat 0 from the broker");
    stage.broker().ctl(&["eval", "application:set_env(rabbit, heartbeat, 0)."]);
    stage.start_all();
    let agreed = stage.broker().ctl(&["list_connections", "timeout"]);
    let agreed: Vec<_> = agreed.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    stage.expect(agreed == ["2"; 6], || format!("H6: six connections with H = 2 s have {agreed:?}"));
    let log = stage.process("client").log();
    stage.expect(log.contains("heartbeat=2s"), || "H6: the log does not name the heartbeat".to_owned());
    stage.heartbeat = 0;
    let mut process = stage.start_unready("zero");
    let ended = process.wait(Duration::from_secs(5));
    stage
        .expect(ended.is_some_and(|status| !status.success()), || format!("H6: with heartbeat=0: {ended:?}"));
    let log = process.log();
    stage.expect(log.contains("heartbeat"), || format!("H6: the error does not name the key: {log}"));
    stage.heartbeat = 2;
    // The link is found dead as with any other broker.
    stage.proxy(Side::Client).set(tests::proxy::Direction::Both, tests::proxy::Mode::Hold);
    super::network::is_found_dead(stage, "client");
    stage.proxy(Side::Client).heal();
    stage.broker().ctl(&["eval", "application:set_env(rabbit, heartbeat, 60)."]);
    stage.lifted();
    stage.call_works(Duration::from_secs(5));
    stage.client_does(&burst(Kind::Call, 20));
}
