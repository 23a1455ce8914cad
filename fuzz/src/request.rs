//! Requests: one that is read is run by the method that it names, once, or refused with a reason, and whoever waits gets
//! one answer.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::message::{Failure, Message, Outcome, Reply, Request};
use rpc_core::transport::{ConsumeOptions, Consumer, Destination, Source};
use rpc_core::{
    Code, DeadLetter, Deadline, MemoryTransport, Server, SharedTransport, Target, Version, codec,
};

use crate::message::{check_text, read, run};
use crate::table::{NAMESPACE, Recorder, TableEndpoint};

/// When everything that can happen has happened. Nothing here waits, so the clock gets there at once.
const END: Duration = Duration::from_secs(1);
const SERVED: Version = Version::new(1, 2);

pub fn check(octets: &[u8]) {
    run(async {
        if let Some(Message::Request(request)) = read(octets) {
            served(Arc::unwrap_or_clone(request)).await;
        }
    });
}

async fn served(request: Request) {
    let (transport, recorder) = (MemoryTransport::new(), Recorder::default());
    let server = Server::builder(&transport, Target::topic("table").server("one"))
        .endpoint(TableEndpoint::new(recorder.clone()))
        .start()
        .await
        .expect("a server can be started");
    let shared: &SharedTransport = transport.as_ref();
    let mut caller = match &request.reply_to {
        Some((address, _)) => Some(consume(shared, Source::Replies(address.clone())).await),
        None => None,
    };
    let destination = Destination::Request(Target::topic("table"));
    let sent = Message::from(request.clone());
    shared.transport().publish(&destination, sent, Deadline::after(END)).await.expect("it is routed");

    let is_expired = request.context.deadline.is_some_and(Deadline::has_passed)
        || request.time_to_live.is_some_and(|time| time.is_zero());
    let mut replies = Vec::new();
    match &mut caller {
        Some(caller) => {
            while let Ok(Some(delivery)) = tokio::time::timeout(END, caller.next()).await {
                let (message, acknowledger) = delivery.into_parts();
                acknowledger.ack().expect("the broker is there");
                replies.push(reply(message.expect("it is readable")));
            }
        }
        None => tokio::time::sleep(END).await,
    }
    let dead = transport.broker().dead_letters();
    let runs = recorder.runs();
    if is_expired {
        assert!(replies.is_empty() && dead.is_empty() && runs.is_empty(), "it came too late to start");
        return;
    }
    check_run(&request, &runs);
    match (&replies[..], &dead[..]) {
        ([reply], []) => check_reply(&request, reply, &runs),
        ([], [dead]) => check_dead(&request, dead, &runs),
        ([], []) => assert!(request.reply_to.is_none() && runs.len() == 1, "it is gone"),
        _ => panic!("{} replies, {} dead letters", replies.len(), dead.len()),
    }
    assert_eq!(server.running(), 0);
}

async fn consume(transport: &SharedTransport, source: Source) -> Box<dyn Consumer> {
    transport.transport().consume(source, ConsumeOptions::new()).await.expect("a source can be consumed")
}

fn reply(message: Message) -> Reply {
    match message {
        Message::Reply(reply) => Arc::unwrap_or_clone(reply),
        other => panic!("not a reply: {other:?}"),
    }
}

/// Nothing runs but what was asked for.
fn check_run(request: &Request, runs: &[&str]) {
    assert!(runs.len() <= 1, "{runs:?}");
    if let [method] = runs {
        assert_eq!(request.method, *method);
        assert_eq!(request.namespace.as_deref(), Some(NAMESPACE));
        assert!(SERVED.serves(request.version));
    }
}

fn check_reply(request: &Request, reply: &Reply, runs: &[&str]) {
    let (_, correlation_id) = request.reply_to.as_ref().expect("somebody waits");
    assert_eq!(&reply.correlation_id, correlation_id);
    assert_eq!(reply.payload().content_type, request.arguments.content_type);
    match &reply.outcome {
        Outcome::Success(payload) => {
            assert_eq!(runs.len(), 1, "a result of nothing");
            codec::decode::<rpc_core::Value>(payload).expect("a result can be read");
        }
        Outcome::Failure(failure) => check_failure(failure, runs),
    }
    let written = rpc_amqp::fuzzing::again(Message::from(reply.clone()));
    assert!(written.expect("a reply can be written").is_ok());
}

fn check_failure(failure: &Failure, runs: &[&str]) {
    check_text(&failure.message);
    check_code(failure.code, runs);
}

fn check_dead(request: &Request, dead: &DeadLetter, runs: &[&str]) {
    assert!(request.reply_to.is_none(), "whoever waits is told");
    check_text(&dead.reason);
    check_code(dead.code, runs);
}

fn check_code(code: Code, runs: &[&str]) {
    match code {
        Code::ServiceError => assert_eq!(runs, ["refuse"]),
        Code::NoSuchMethod
        | Code::UnsupportedVersion
        | Code::InvalidArguments
        | Code::Malformed
        | Code::TooLarge => assert!(runs.is_empty(), "{code} after {runs:?}"),
        other => panic!("{other}"),
    }
}
