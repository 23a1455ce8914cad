//! Long calls: signs of life while they run, and their end when none come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::message::{Message, Outcome, Reply, Request};
use rpc_core::transport::{
    Capabilities, ConsumeOptions, Consumer, Destination, Source, StatusWatch, Transport,
};
use rpc_core::{
    CallError, Code, ContentType, CorrelationId, Deadline, Error, Executed, MemoryTransport, Phase,
    ReplyAddress, Server, SharedTransport, Value, codec,
};
use tokio::time::Instant;

use crate::support::{WorkClient, Worker, builder, one_server, settle, target};

const SECOND: Duration = Duration::from_secs(1);
/// Long after everything here has ended.
const FAR: Duration = Duration::from_secs(3_600);

/// What becomes of the signs of life that a server sends.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrive,
    /// Nobody hears of them, nor of answers: as if the process was gone.
    Lost,
    /// They take this long.
    Late(Duration),
    Fail(Code),
}

/// The transport of a server, where signs of life have a fate.
struct Fateful {
    inner: SharedTransport,
    signs: Arc<Signs>,
}

#[derive(Debug)]
struct Signs {
    fate: Mutex<Fate>,
    sent: AtomicUsize,
}

impl Signs {
    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn have(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }
}

#[async_trait::async_trait]
impl Transport for Fateful {
    async fn publish(&self, to: &Destination, message: Message, deadline: Deadline) -> Result<(), Error> {
        let fate = *self.signs.fate.lock().unwrap();
        let is_sign = matches!(&message, Message::Reply(reply) if !reply.ending);
        self.signs.sent.fetch_add(usize::from(is_sign), Ordering::Relaxed);
        match fate {
            Fate::Lost => return Ok(()),
            Fate::Late(time) if is_sign => tokio::time::sleep(time).await,
            Fate::Fail(code) if is_sign => return Err(Error::new(code, "as the test wants")),
            _ => {}
        }
        self.inner.transport().publish(to, message, deadline).await
    }

    async fn consume(&self, source: Source, options: ConsumeOptions) -> Result<Box<dyn Consumer>, Error> {
        self.inner.transport().consume(source, options).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn status(&self) -> StatusWatch {
        self.inner.status()
    }

    async fn close(&self, grace: Duration) {
        self.inner.close(grace).await;
    }
}

/// A server whose signs of life have a fate, and its client.
async fn fateful(worker: &Worker) -> (WorkClient, Server, MemoryTransport, Arc<Signs>) {
    let transport = MemoryTransport::new();
    let signs = Arc::new(Signs { fate: Mutex::new(Fate::Arrive), sent: AtomicUsize::new(0) });
    let inner = transport.broker().connect().into();
    let bad = SharedTransport::new(Fateful { inner, signs: Arc::clone(&signs) });
    let server = builder(&bad, "a", worker).start().await.unwrap();
    (WorkClient::new(&transport, target()), server, transport, signs)
}

/// Somebody who sends requests by hand, and writes down what comes back and when.
struct Stranger {
    transport: MemoryTransport,
    address: ReplyAddress,
    replies: Box<dyn Consumer>,
    since: Instant,
}

impl Stranger {
    async fn new(transport: &MemoryTransport) -> Self {
        let address = ReplyAddress::random("stranger");
        let shared = transport.as_ref().transport();
        let replies = shared.consume(Source::Replies(address.clone()), ConsumeOptions::new()).await.unwrap();
        Self { transport: transport.clone(), address, replies, since: Instant::now() }
    }

    async fn send(&mut self, method: &'static str, name: &str, call_monitor: Option<Duration>) {
        let arguments = codec::encode(ContentType::Json, &Value::map([("name", name)])).unwrap();
        let mut request = Request::new(method, arguments);
        request.version = rpc_core::Version::new(1, 2);
        request.reply_to = Some((self.address.clone(), CorrelationId::parse("1").unwrap()));
        request.call_monitor = call_monitor;
        let (to, deadline) = (Destination::Request(target()), Deadline::after(SECOND));
        let shared = self.transport.as_ref().transport();
        shared.publish(&to, Message::from(request), deadline).await.unwrap();
        self.since = Instant::now();
    }

    /// What has come after `time` more: when, in milliseconds, and what.
    async fn hears(&mut self, time: Duration) -> Vec<(u128, &'static str)> {
        let (end, mut heard) = (Instant::now() + time, Vec::new());
        while let Ok(Some(delivery)) = tokio::time::timeout_at(end, self.replies.next()).await {
            let (message, acknowledger) = delivery.into_parts();
            acknowledger.ack().unwrap();
            let Ok(Message::Reply(reply)) = message else { panic!("another message") };
            heard.push((self.since.elapsed().as_millis(), kind(&reply)));
        }
        heard
    }
}

fn kind(reply: &Reply) -> &'static str {
    match (&reply.outcome, reply.ending) {
        (Outcome::Success(payload), false) if payload.body.is_empty() => {
            assert!(reply.server.is_some() && reply.time_to_live.is_some(), "{reply:?}");
            "runs"
        }
        (Outcome::Success(_), true) => "result",
        (Outcome::Failure(_), true) => "failure",
        (_, false) => panic!("{reply:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn fn_10_a_call_goes_on_for_as_long_as_its_server_is_heard() {
    let (work, worker, _server, transport) = one_server().await;
    let call = work.wait("long".to_owned()).timeout(FAR).call_monitor(2 * SECOND);
    let call = tokio::spawn(call.into_future());
    tokio::time::sleep(100 * SECOND).await;
    assert!(!call.is_finished());
    worker.permits.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "long");
    tokio::time::sleep(FAR).await;
    assert_eq!((transport.as_ref().pending_calls(), transport.as_ref().orphan_replies()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_noticed_within_the_time() {
    let (work, _server, transport, signs) = fateful(&Worker::new()).await;
    let call = work.wait("long".to_owned()).timeout(FAR).call_monitor(10 * SECOND);
    let call = tokio::spawn(call.into_future());
    tokio::time::sleep(33 * SECOND).await;
    assert!(!call.is_finished());
    signs.have(Fate::Lost);
    let since = Instant::now();
    let Err(CallError::Rpc(error)) = call.await.unwrap() else { panic!("it ends in silence") };
    let took = since.elapsed();
    assert!(took > 5 * SECOND && took <= 10 * SECOND, "{took:?}");
    assert_eq!((error.code(), error.executed()), (Code::Unresponsive, Executed::Unknown));
    assert_eq!((error.phase(), error.is_retryable(), error.is_timeout()), (Phase::Wait, true, false));
    assert!(error.message().starts_with("no sign of life for 10s"), "{error}");
    assert!(error.method() == Some("wait") && error.request_id().is_some());
    assert_eq!(transport.as_ref().pending_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn time_counts_from_the_publish_and_so_does_the_wait_for_a_worker() {
    let transport = MemoryTransport::new();
    let worker = Worker::new();
    let _server = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target()).prepare(|it| it.timeout(FAR).call_monitor(4 * SECOND));
    let first = tokio::spawn(work.wait("first".to_owned()).into_future());
    settle().await;
    let since = Instant::now();
    assert_eq!(work.wait("second".to_owned()).await.unwrap_err().code(), Code::Unresponsive);
    assert_eq!(since.elapsed(), 4 * SECOND);
    // One that starts late, and is heard soon after.
    let third = tokio::spawn(work.double(3).into_future());
    let fourth = tokio::spawn(work.wait("fourth".to_owned()).into_future());
    tokio::time::sleep(Duration::from_millis(2_900)).await;
    worker.permits.add_permits(2);
    settle().await;
    assert_eq!((first.await.unwrap().unwrap().as_str(), third.await.unwrap().unwrap()), ("first", 6));
    tokio::time::sleep(20 * SECOND).await;
    worker.permits.add_permits(1);
    assert_eq!(fourth.await.unwrap().unwrap(), "fourth");
    assert_eq!(worker.lines()[..2], ["start first", "end first"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_and_answers_of_every_kind_are_as_without() {
    let (work, _worker, _server, _) = one_server().await;
    let heard = work.prepare(|it| it.call_monitor(SECOND));
    let error = heard.wait("x".to_owned()).timeout(3 * SECOND).await.unwrap_err();
    assert!(error.code() == Code::DeadlineExceeded && error.is_timeout(), "{error}");
    let error = heard.wait("x".to_owned()).timeout(SECOND).await.unwrap_err();
    assert!(error.is_timeout(), "at one moment the deadline counts: {error}");
    assert_eq!(heard.double(2).await.unwrap(), 4);
    assert!(heard.refuse("now".to_owned()).await.unwrap_err().service().is_some());
    assert_eq!(heard.crash().await.unwrap_err().code(), Code::Panicked);
    // What is set on the call wins, and zero is none.
    let deaf = heard.wait("x".to_owned()).timeout(30 * SECOND).call_monitor(Duration::ZERO);
    assert!(deaf.await.unwrap_err().is_timeout());
    // It is no matter of casts.
    heard.note("x".to_owned()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dv_10_signs_come_soon_and_then_every_half_of_the_time_until_the_end() {
    let (_work, worker, _server, transport) = one_server().await;
    let mut stranger = Stranger::new(&transport).await;
    for (asked, times) in [
        (10_000, vec![1_000, 6_000, 11_000, 16_000]),
        (2_000, vec![1_000, 2_000, 3_000, 4_000]),
        (500, vec![250, 500, 750, 1_000]),
        (1, vec![50, 100, 150, 200]),
    ] {
        stranger.send("wait", "x", Some(Duration::from_millis(asked))).await;
        let last = Duration::from_millis(times[3] + 30);
        let expected: Vec<_> = times.into_iter().map(|time| (u128::from(time), "runs")).collect();
        assert_eq!(stranger.hears(last).await, expected, "{asked} ms");
        worker.permits.add_permits(1);
        assert_eq!(stranger.hears(FAR).await, [(last.as_millis(), "result")], "{asked} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn dv_11_12_nothing_comes_unasked_nor_after_a_dispatch_that_failed() {
    let (_work, worker, _server, transport) = one_server().await;
    let mut stranger = Stranger::new(&transport).await;
    let monitor = Some(2 * SECOND);
    for (method, monitor, name) in
        [("nothing", monitor, "failure"), ("double", monitor, "failure"), ("wait", None, "result")]
    {
        stranger.send(method, "x", monitor).await;
        if name == "result" {
            tokio::time::sleep(60 * SECOND).await;
            worker.permits.add_permits(1);
        }
        let heard: Vec<_> = stranger.hears(FAR).await.into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(heard, [name], "{method}");
    }
    stranger.send("crash", "x", monitor).await;
    assert_eq!(stranger.hears(FAR).await, [(0, "failure")]);
}

#[tokio::test(start_paused = true)]
async fn rd_21_one_that_cannot_be_sent_is_the_last_and_the_result_comes() {
    for code in [Code::Unroutable, Code::Overloaded, Code::DeadlineExceeded, Code::PermissionDenied] {
        let worker = Worker::new();
        let (work, _server, _, signs) = fateful(&worker).await;
        signs.have(Fate::Fail(code));
        let call = work.wait("x".to_owned()).timeout(FAR).call_monitor(60 * SECOND);
        let call = tokio::spawn(call.into_future());
        tokio::time::sleep(50 * SECOND).await;
        assert_eq!(signs.sent(), 1, "{code}");
        worker.permits.add_permits(1);
        assert_eq!(call.await.unwrap().unwrap(), "x");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_lost_with_its_link_is_not_the_last() {
    let worker = Worker::new();
    let (work, _server, _, signs) = fateful(&worker).await;
    let call = work.wait("x".to_owned()).timeout(FAR).call_monitor(10 * SECOND);
    let call = tokio::spawn(call.into_future());
    tokio::time::sleep(5 * SECOND).await;
    let sent = signs.sent();
    signs.have(Fate::Fail(Code::Unavailable));
    // Once at its time, and then every half second.
    tokio::time::sleep(Duration::from_millis(2_900)).await;
    assert_eq!(signs.sent() - sent, 4);
    signs.have(Fate::Arrive);
    tokio::time::sleep(60 * SECOND).await;
    worker.permits.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn the_answer_waits_for_a_sign_that_is_on_its_way() {
    let worker = Worker::new();
    let (_, _server, transport, signs) = fateful(&worker).await;
    signs.have(Fate::Late(Duration::from_millis(400)));
    let mut stranger = Stranger::new(&transport).await;
    stranger.send("wait", "x", Some(2 * SECOND)).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    worker.permits.add_permits(1);
    assert_eq!(stranger.hears(FAR).await, [(1_400, "runs"), (1_400, "result")]);

    // One after the other, however long each takes.
    signs.have(Fate::Late(Duration::from_millis(1_500)));
    stranger.send("wait", "y", Some(2 * SECOND)).await;
    let heard = stranger.hears(6 * SECOND).await;
    assert_eq!(heard, [(2_500, "runs"), (4_000, "runs"), (5_500, "runs")]);
    worker.permits.add_permits(1);
    assert_eq!(stranger.hears(FAR).await, [(7_000, "runs"), (7_000, "result")]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_answers_and_sends_nothing_more() {
    let (_, server, transport, signs) = fateful(&Worker::new()).await;
    let mut stranger = Stranger::new(&transport).await;
    stranger.send("wait", "x", Some(2 * SECOND)).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    signs.have(Fate::Late(FAR));
    tokio::time::sleep(SECOND).await;
    // With one on its way that would never arrive.
    let since = Instant::now();
    server.shutdown(Duration::from_millis(300)).await;
    assert!(since.elapsed() < SECOND, "{:?}", since.elapsed());
    let heard: Vec<_> = stranger.hears(2 * FAR).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(heard, ["runs", "runs", "failure"]);
}
