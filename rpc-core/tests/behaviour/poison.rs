//! Messages that end every process that handles them.

use std::time::Duration;

use rpc_core::{Code, Listener, MemoryTransport, Notifier, SharedTransport};

use crate::forgetful::Memory;
use crate::support::{WorkClient, Worker, builder, settle, target};

const SECOND: Duration = Duration::from_secs(1);

/// The same broker, seen by one that it tells how often a message was delivered, and by one that it does not.
fn both(transport: &MemoryTransport) -> [(bool, SharedTransport); 2] {
    [true, false].map(|counts| (counts, connect(transport, counts)))
}

fn connect(transport: &MemoryTransport, counts: bool) -> SharedTransport {
    if counts { transport.broker().connect().into() } else { Memory::default().connect(transport) }
}

/// Leaves the queue of a server that is away.
async fn declare(transport: &SharedTransport) {
    drop(builder(transport, "a", &Worker::new()).start().await.unwrap());
    settle().await;
}

/// Starts servers, one after the other, each of which ends while its handler runs.
async fn servers_that_die(transport: &SharedTransport, count: usize) -> Worker {
    let worker = Worker::new();
    for _ in 0..count {
        let server = builder(transport, "a", &worker).delivery_limit(3).start().await.unwrap();
        settle().await;
        drop(server);
        settle().await;
    }
    worker
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_ends_every_process_ends_in_the_dead_letters() {
    for counts in [true, false] {
        let transport = MemoryTransport::new();
        let seen = connect(&transport, counts);
        declare(&seen).await;
        WorkClient::new(&transport, target()).note("poison".to_owned()).await.unwrap();
        let worker = servers_that_die(&seen, 6).await;
        assert_eq!(
            worker.lines(),
            ["start poison 1", "start poison 2", "start poison 3"],
            "counted by the broker: {counts}"
        );
        let dead = &transport.broker().dead_letters()[..];
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].code, Code::TooManyAttempts);
        assert!(dead[0].reason.contains("delivered 4 times"), "{}", dead[0].reason);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_that_ends_every_process_is_answered() {
    for counts in [true, false] {
        let transport = MemoryTransport::new();
        let seen = connect(&transport, counts);
        declare(&seen).await;
        let work = WorkClient::new(&transport, target());
        let call = work.wait_idempotent("poison".to_owned()).timeout(60 * SECOND).into_future();
        let call = tokio::spawn(call);
        settle().await;
        let worker = servers_that_die(&seen, 5).await;
        assert_eq!(worker.lines(), ["start poison 1", "start poison 2", "start poison 3"]);
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::TooManyAttempts, "{error}");
        assert_eq!(transport.broker().dead_letters()[0].code, Code::TooManyAttempts);
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_behind_a_poisonous_cast_gets_its_turn() {
    let transport = MemoryTransport::new();
    let seen = connect(&transport, false);
    declare(&seen).await;
    let work = WorkClient::new(&transport, target());
    for name in ["poison", "good"] {
        work.note(name.to_owned()).await.unwrap();
    }
    let worker = Worker::new();
    let start = || builder(&seen, "a", &worker).workers(1).start();
    let first = start().await.unwrap();
    settle().await;
    drop(first);
    settle().await;
    let _second = start().await.unwrap();
    settle().await;
    worker.permits.add_permits(2);
    settle().await;
    assert_eq!(worker.lines()[0], "start poison 1");
    let mut after = worker.lines()[1..].to_vec();
    after.sort();
    assert_eq!(after, ["end good 1", "end poison 2", "start good 1", "start poison 2"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_never_acknowledged_ends_in_the_dead_letters() {
    let transport = MemoryTransport::new();
    for (counts, seen) in both(&transport) {
        let topic = format!("events-{counts}");
        // What a process has in hand when it ends is counted with what ended it.
        let listen =
            || Listener::builder(&seen, [topic.as_str()]).prefetch(1).delivery_limit(3).start::<i32>();
        let mut events = listen().await.unwrap();
        let notifier = Notifier::new(&transport, "p").topics([topic.clone()]);
        notifier.info("poison", &1).await.unwrap();
        notifier.info("good", &2).await.unwrap();
        let mut handed_out = Vec::new();
        while let Ok(event) = tokio::time::timeout(SECOND, events.next()).await {
            let event = event.unwrap();
            handed_out.push((event.event_type().to_owned(), event.attempt(), event.is_redelivered()));
            if event.event_type() == "good" {
                event.ack().await.unwrap();
                continue;
            }
            // As a process that ends: another listener starts where this one stopped.
            drop(events);
            drop(event);
            events = listen().await.unwrap();
        }
        let poison: Vec<_> = handed_out.iter().filter(|(name, ..)| name == "poison").collect();
        let attempts: Vec<_> = poison.iter().map(|(_, attempt, again)| (*attempt, *again)).collect();
        assert_eq!(attempts, [(1, false), (2, true), (3, true)], "counted by the broker: {counts}");
        assert_eq!(handed_out.len() - poison.len(), 1, "the good one is handed out once");
        let dead = transport.broker().dead_letters();
        assert_eq!(dead.last().unwrap().code, Code::TooManyAttempts);
    }
    assert_eq!(transport.broker().dead_letters().len(), 2);
}
