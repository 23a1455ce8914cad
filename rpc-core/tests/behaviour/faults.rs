//! What happens when the transport, a policy or a caller's address misbehaves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rpc_core::message::{Message, Request};
use rpc_core::transport::Destination;
use rpc_core::{
    AccessRequest, Client, Code, Context, Deadline, Denied, Executed, Listener, MemoryBroker,
    MemoryTransport, Notifier, Phase, ReplyAddress, Target, Value, Version,
};
use tokio::time::Instant;

use crate::faulty::{Publish, faulty, watched};
use crate::support::{WorkClient, Worker, builder, one_server, settle, target};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_publish_that_hangs_does_not_hold_a_call_beyond_its_deadline() {
    let (_, _, _server, transport) = one_server().await;
    let work = WorkClient::new(&faulty(&transport, Publish::Hangs), target());
    let started = Instant::now();
    let error = work.double(1).timeout(SECOND).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Unknown));
    assert!(started.elapsed() <= SECOND + Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rb_27_a_reply_does_not_wait_for_the_confirm() {
    let (_, _, _server, transport) = one_server().await;
    for publish in [Publish::ArrivesAndHangs, Publish::ArrivesUnconfirmed] {
        let work = WorkClient::new(&faulty(&transport, publish), target());
        assert_eq!(work.double(1).timeout(SECOND).await.unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_was_lost_with_its_link_is_sent_again() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let bad = faulty(&transport, Publish::LosesReplies);
    let _server = builder(&bad, "a", &worker).start().await.unwrap();
    assert_eq!(WorkClient::new(&transport, target()).double(1).timeout(SECOND).await.unwrap(), 2);
    assert_eq!(worker.lines(), ["double 1"], "only the reply is repeated");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_run_again() {
    let (work, worker, server, transport) = one_server().await;
    let error = work.wait_idempotent("late".to_owned()).timeout(SECOND).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    settle().await;
    let mut gone = Request::new(
        "wait_idempotent",
        rpc_core::codec::encode(rpc_core::ContentType::Json, &Value::map([("name", "gone")])).unwrap(),
    );
    gone.version = Version::new(1, 2);
    gone.reply_to = Some((ReplyAddress::random("gone"), rpc_core::CorrelationId::parse("1").unwrap()));
    let to = Destination::Request(target());
    let sent = transport.as_ref().transport();
    sent.publish(&to, Message::from(gone), Deadline::after(SECOND)).await.unwrap();
    worker.permits.add_permits(1);
    settle().await;
    server.shutdown(SECOND).await;
    assert_eq!(worker.lines(), ["start late 1", "start gone 1", "end gone 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_sent_again_is_gathered_once() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server =
        builder(&faulty(&transport, Publish::ArrivesUnconfirmed), "a", &worker).start().await.unwrap();
    let client = Client::new(&transport, target()).prepare(|settings| settings.version(Version::new(1, 2)));
    let told = client.gather("tell", &Value::map([("name", "x")])).timeout(SECOND);
    assert_eq!(told.await.unwrap().all().await.len(), 1);
    assert_eq!(worker.lines(), ["told x"]);
}

#[tokio::test(start_paused = true)]
async fn consumers_are_closed_although_the_grace_was_not_enough() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let (spied, seen) = watched(&transport, Publish::FailsReplies);
    let server = builder(&spied, "a", &worker).start().await.unwrap();
    WorkClient::new(&transport, target()).note("long".to_owned()).await.unwrap();
    settle().await;
    server.shutdown(SECOND).await;
    assert_eq!(seen.closed.load(Ordering::Relaxed), 4, "topic, server, fanout and introspection");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_panics_ends_one_request() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let policy = |request: &AccessRequest<'_>| match request.context.metadata.get("user") {
        Some(user) if user.parse::<u32>().unwrap() > 0 => Ok(()),
        _ => Err(Denied::new("nobody")),
    };
    let _server = builder(transport.as_ref(), "a", &worker).access(policy).start().await.unwrap();
    let mut context = Context::new();
    context.metadata.insert("user", "ada").unwrap();
    let error = WorkClient::new(&transport, target()).double(1).context(&context).await.unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::Panicked, Executed::NotSent));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_go_to_every_server() {
    let (work, worker, _server, _) = one_server().await;
    let all = work.prepare(|settings| settings.target(target().fanout()));
    assert_eq!(all.double(1).await.unwrap_err().code(), Code::InvalidArguments);
    assert!(worker.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_servers_target_is_its_name_even_with_fanout() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let endpoint = crate::support::WorkEndpoint::new(worker.clone());
    let server = rpc_core::Server::builder(&transport, target().server("a").fanout()).endpoint(endpoint);
    let _server = server.start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    work.tell("once".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(worker.lines(), ["told once"]);
    assert_eq!(work.prepare(|settings| settings.server("a")).double(1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_to_live_does_not_overflow() {
    let (work, worker, _server, _) = one_server().await;
    work.note("x".to_owned()).time_to_live(Duration::MAX).await.unwrap();
    settle().await;
    assert_eq!(worker.lines(), ["start x 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cast_is_not_held_to_the_callers_deadline() {
    let (work, worker, _server, _) = one_server().await;
    let mut context = Context::new();
    context.deadline = Some(Deadline::after(Duration::ZERO));
    work.note("x".to_owned()).context(&context).await.unwrap();
    worker.permits.add_permits(1);
    settle().await;
    assert_eq!(worker.lines(), ["start x 1", "end x 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cast_expires_unstarted_and_is_not_cut_short_once_started() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let _server = builder(transport.as_ref(), "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    work.note("long".to_owned()).time_to_live(SECOND).await.unwrap();
    settle().await;
    work.note("late".to_owned()).time_to_live(SECOND).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    worker.permits.add_permits(2);
    settle().await;
    assert_eq!(worker.lines(), ["start long 1", "end long 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_notifier_without_topics_does_not_say_ok() {
    let transport = MemoryTransport::new();
    for topics in [vec![], vec!["good", ""]] {
        let error = Notifier::new(&transport, "p").topics(topics).info("e", &1).await.unwrap_err();
        assert_eq!((error.code(), error.executed()), (Code::InvalidArguments, Executed::NotSent));
    }
    let mut events = Listener::builder(&transport, ["good"]).start::<Value>().await.unwrap();
    assert!(tokio::time::timeout(SECOND, events.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_listener_keeps_its_transport() {
    let broker = MemoryBroker::new();
    let mut events = Listener::builder(&broker.connect(), ["notifications"]).start::<i32>().await.unwrap();
    Notifier::new(&broker.connect(), "p").info("e", &7).await.unwrap();
    assert_eq!(events.next().await.unwrap().payload(), &7);
}

#[tokio::test(start_paused = true)]
async fn what_a_stopping_server_says_is_not_about_the_connection() {
    let (work, _, server, _) = one_server().await;
    let call = tokio::spawn(work.wait("x".to_owned()).into_future());
    settle().await;
    server.shutdown(Duration::ZERO).await;
    assert_eq!(call.await.unwrap().unwrap_err().rpc().unwrap().phase(), Phase::Handler);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_kind_goes_to_the_dead_letters() {
    let (_, _, _server, transport) = one_server().await;
    let payload = rpc_core::codec::encode(rpc_core::ContentType::Json, &1).unwrap();
    let event = Message::from(rpc_core::message::NotificationMessage::new("p", "e", payload));
    let to = Destination::Request(Target::topic("work"));
    transport.as_ref().transport().publish(&to, event, Deadline::after(SECOND)).await.unwrap();
    settle().await;
    assert_eq!(transport.broker().dead_letters()[0].code, Code::Malformed);
}

#[tokio::test(start_paused = true)]
async fn dv_13_a_late_reply_is_counted_and_harms_nobody() {
    let (_, worker, _server, transport) = one_server().await;
    let client = Client::new(&transport, target());
    let call = tokio::time::timeout(SECOND, client.call("wait", &Value::map([("name", "x")])).into_future());
    assert!(call.await.is_err());
    worker.permits.add_permits(1);
    settle().await;
    assert_eq!((transport.as_ref().orphan_replies(), transport.as_ref().pending_calls()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rc_14_rb_30_casts_and_events_do_not_wait_for_a_transport_that_is_silent() {
    let (_, _, _server, transport) = one_server().await;
    let silent = faulty(&transport, Publish::Hangs);
    let started = Instant::now();
    let cast = WorkClient::new(&silent, target()).note("x".to_owned()).timeout(SECOND).await.unwrap_err();
    let event = Notifier::new(&silent, "p").timeout(SECOND).info("e", &1).await.unwrap_err();
    for error in [cast, event] {
        assert_eq!((error.code(), error.executed()), (Code::DeadlineExceeded, Executed::Unknown));
    }
    assert!(started.elapsed() <= 2 * SECOND + Duration::from_millis(500), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_hangs_does_not_keep_its_worker() {
    let (transport, worker) = (MemoryTransport::new(), Worker::new());
    let silent = faulty(&transport, Publish::Hangs);
    let _server = builder(&silent, "a", &worker).workers(1).start().await.unwrap();
    let work = WorkClient::new(&transport, target());
    for number in 0..3 {
        assert!(work.double(number).timeout(SECOND).await.unwrap_err().is_timeout());
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(worker.lines(), ["double 0", "double 1", "double 2"]);
}

#[test]
fn calls_that_wait_when_their_runtime_ends_fail_at_once() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (serving, ending, staying) = (runtime(), runtime(), runtime());
    let (work, _worker, _server, _) = serving.block_on(one_server());
    // The first call makes its runtime the one that takes replies in.
    ending.block_on(work.double(1).into_future()).unwrap();
    let waiting = staying.spawn(work.wait("long".to_owned()).into_future());
    std::thread::sleep(Duration::from_millis(200));
    ending.shutdown_background();
    let error = staying.block_on(waiting).unwrap().unwrap_err();
    assert_eq!((error.code(), error.executed()), (Code::ReplyLost, Executed::Unknown), "{error}");
    assert_eq!(staying.block_on(work.double(2).into_future()).unwrap(), 4);
}
