//! Events that are handed over together.

use std::time::Duration;

use rpc_core::{
    Code, Disposition, Listener, MemoryTransport, NotificationEndpoint, NotificationServer, Notifier,
    Priority, Received, Value,
};
use tokio::time::Instant;

use crate::journal::{Journal, PowerSet};
use crate::support::{SECOND, settle};

/// A handler that writes the payloads of each batch.
fn note(
    journal: &Journal,
    name: &'static str,
) -> impl Fn(Vec<Received<Value>>) -> std::future::Ready<()> + Send + Sync + 'static + use<> {
    let journal = journal.clone();
    move |batch| {
        let numbers: Vec<_> = batch.iter().map(|event| event.payload().as_integer().unwrap_or(-1)).collect();
        journal.write(format!("{name} {numbers:?}"));
        std::future::ready(())
    }
}

async fn serve(
    transport: &MemoryTransport,
    endpoint: NotificationEndpoint,
    size: u16,
    within: Option<Duration>,
) -> NotificationServer {
    Listener::builder(transport, ["t"]).endpoint(endpoint).batch(size, within).start().await.unwrap()
}

async fn emit(transport: &MemoryTransport, numbers: std::ops::Range<i64>) {
    let notifier = Notifier::new(transport, "p").topics(["t"]);
    for number in numbers {
        notifier.info("e", &number).await.unwrap();
    }
}

fn sizes(journal: &Journal) -> Vec<usize> {
    journal.lines().iter().map(|line| line.matches(',').count() + 1).collect()
}

#[tokio::test(start_paused = true)]
async fn nt_35_twelve_events_in_batches_of_five_and_the_rest_after_its_time() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_priority(Priority::Info, note(&journal, "h"));
    let _server = serve(&transport, endpoint, 5, Some(SECOND)).await;
    emit(&transport, 0..12).await;
    tokio::time::sleep(Duration::from_millis(999)).await;
    assert_eq!(journal.lines(), ["h [0, 1, 2, 3, 4]", "h [5, 6, 7, 8, 9]"]);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(journal.lines()[2..], ["h [10, 11]"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_batch_begins_with_its_first_event() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_any(note(&journal, "h"));
    let _server = serve(&transport, endpoint, 100, Some(SECOND)).await;
    tokio::time::sleep(10 * SECOND).await;
    for number in 0..4 {
        emit(&transport, number..number + 1).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(journal.lines(), ["h [0, 1, 2]", "h [3]"]);
}

#[tokio::test(start_paused = true)]
async fn fn_23_205_events_in_batches_of_100() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_any(note(&journal, "h"));
    let _server = serve(&transport, endpoint, 100, Some(2 * SECOND)).await;
    emit(&transport, 0..205).await;
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(sizes(&journal), [100, 100, 5]);
}

#[tokio::test(start_paused = true)]
async fn nt_36_without_a_time_only_full_batches() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_any(note(&journal, "h"));
    let _server = serve(&transport, endpoint, 5, None).await;
    emit(&transport, 0..12).await;
    tokio::time::sleep(3_600 * SECOND).await;
    assert_eq!(sizes(&journal), [5, 5]);
    emit(&transport, 12..15).await;
    settle().await;
    assert_eq!(sizes(&journal), [5, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn nt_37_an_error_in_one_batch_does_not_stop_the_listener() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |batch: Vec<Received<i64>>| {
            let numbers: Vec<_> = batch.iter().map(|event| *event.payload()).collect();
            journal.write(format!("{numbers:?} {}", batch[0].attempt()));
            let first = batch[0].attempt() == 1;
            async move {
                assert!(!first || numbers[0] != 4, "asked to");
                if first && numbers[0] == 0 { Err("asked to") } else { Ok(()) }
            }
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let builder = Listener::builder(&transport, ["t"]).endpoint(endpoint).batch(4, Some(SECOND));
    let server = builder.requeue_delay(10 * SECOND).start().await.unwrap();
    emit(&transport, 0..12).await;
    settle().await;
    assert_eq!(journal.lines(), ["[0, 1, 2, 3] 1", "[4, 5, 6, 7] 1", "[8, 9, 10, 11] 1"]);
    tokio::time::sleep(12 * SECOND).await;
    assert_eq!(journal.lines()[3..], ["[0, 1, 2, 3] 2", "[4, 5, 6, 7] 2"]);
    server.shutdown(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_grouped_by_priority_and_a_group_stands_and_falls_together() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let refuse = {
        let journal = journal.clone();
        move |batch: Vec<Received<Value>>| {
            journal.write(format!("errors {}", batch.len()));
            let attempt = batch[0].attempt();
            async move { if attempt == 1 { Disposition::requeue("later") } else { Disposition::Handled } }
        }
    };
    let first = NotificationEndpoint::new().on_priority(Priority::Error, refuse);
    let second = NotificationEndpoint::new().on_any(note(&journal, "any"));
    let server = Listener::builder(&transport, ["t"]).endpoint(first).endpoint(second);
    let _server = server.batch(6, Some(SECOND)).requeue_delay(SECOND).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p").topics(["t"]);
    for (number, priority) in [Priority::Info, Priority::Error].into_iter().cycle().take(6).enumerate() {
        notifier.notify(priority, "e", &number).await.unwrap();
        settle().await;
    }
    settle().await;
    assert_eq!(journal.lines(), ["any [0, 2, 4]", "errors 3"], "its chain ended");
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(journal.lines()[2..], ["errors 3", "any [1, 3, 5]"]);
}

#[tokio::test(start_paused = true)]
async fn one_event_of_a_batch_that_does_not_decode_is_rejected_alone() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |batch: Vec<Received<PowerSet>>| {
            let nodes: Vec<_> = batch.iter().map(|event| event.payload().node).collect();
            journal.write(format!("{nodes:?}"));
            async {}
        }
    };
    let endpoint = NotificationEndpoint::new().on(handler);
    let _server = serve(&transport, endpoint, 3, None).await;
    let notifier = Notifier::new(&transport, "p").topics(["t"]);
    notifier.emit(&PowerSet { node: 1 }).await.unwrap();
    notifier.warn("node.power_set", &Value::map([("node", "two")])).await.unwrap();
    notifier.emit(&PowerSet { node: 3 }).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), ["[1, 3]"]);
    let dead = transport.broker().dead_letters();
    assert_eq!((dead.len(), dead[0].code), (1, Code::Malformed));
}

/// Of which none is thirteen.
struct Lucky(i64);

impl<'de> serde::Deserialize<'de> for Lucky {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        assert!(number != 13, "asked to");
        Ok(Self(number))
    }
}

#[tokio::test(start_paused = true)]
async fn one_event_of_a_batch_whose_decoding_panics_is_rejected_alone() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |batch: Vec<Received<Lucky>>| {
            let numbers: Vec<_> = batch.iter().map(|event| event.payload().0).collect();
            journal.write(format!("{numbers:?}"));
            async {}
        }
    };
    let _server = serve(&transport, NotificationEndpoint::new().on_any(handler), 3, None).await;
    emit(&transport, 12..15).await;
    settle().await;
    assert_eq!(journal.lines(), ["[12, 14]"]);
    assert_eq!(transport.broker().dead_letters()[0].code, Code::Panicked);
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_bounds_the_batch() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_any(note(&journal, "h"));
    let builder = Listener::builder(&transport, ["t"]).prefetch(3).endpoint(endpoint).batch(100, None);
    let _server = builder.start().await.unwrap();
    emit(&transport, 0..7).await;
    settle().await;
    assert_eq!(sizes(&journal), [3, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_listener_hands_out_batches_when_it_is_asked() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["t"]).start::<i64>().await.unwrap();
    emit(&transport, 0..12).await;
    let mut seen = Vec::new();
    let started = Instant::now();
    for _ in 0..3 {
        let batch = events.next_batch(5, Some(SECOND)).await;
        seen.push(batch.iter().map(|event| *event.payload()).collect::<Vec<_>>());
        for event in batch {
            event.ack().await.unwrap();
        }
    }
    assert_eq!(seen, [vec![0, 1, 2, 3, 4], vec![5, 6, 7, 8, 9], vec![10, 11]]);
    assert_eq!(started.elapsed(), SECOND);
    emit(&transport, 0..2).await;
    let waiting = tokio::time::timeout(SECOND, events.next_batch(5, None)).await;
    assert!(waiting.is_err());
    let again = events.next_batch(2, None).await;
    assert!(again.len() == 2 && again.iter().all(|event| event.attempt() == 2), "what it had went back");
    drop(again);
    transport.close().await;
    assert!(events.next_batch(5, None).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_can_be_held_and_put_back() {
    let transport = MemoryTransport::new();
    let mut events = Listener::builder(&transport, ["t"]).start::<i64>().await.unwrap();
    emit(&transport, 0..1).await;
    let started = Instant::now();
    events.next().await.unwrap().requeue_after(10 * SECOND).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!((event.attempt(), started.elapsed()), (2, 10 * SECOND));
    event.ack().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_only_what_the_handlers_in_front_of_it_handled() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let first = |event: Received<Value>| {
        let fails = event.payload().as_integer() == Some(1) && event.attempt() == 1;
        async move { if fails { Err("not yet") } else { Ok(()) } }
    };
    let endpoint = NotificationEndpoint::new().on_any(first).on_any(note(&journal, "h"));
    let _server = serve(&transport, endpoint, 3, Some(SECOND)).await;
    emit(&transport, 0..3).await;
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(journal.lines(), ["h [0, 2]", "h [1]"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_nothing_is_left_is_not_handed_over() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new()
        .on_any(|_: Received<Value>| async { Disposition::reject("not here") })
        .on_any(note(&journal, "h"));
    let _server = serve(&transport, endpoint, 3, Some(SECOND)).await;
    emit(&transport, 0..3).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!((journal.lines().len(), transport.broker().dead_letters().len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_runs_and_what_waits_to_come_again_are_counted_apart() {
    let transport = MemoryTransport::new();
    let handler = |_: Vec<Received<Value>>| async {
        tokio::time::sleep(10 * SECOND).await;
        Err::<(), _>("not yet")
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let builder = Listener::builder(&transport, ["t"]).endpoint(endpoint).batch(50, None);
    let server = builder.requeue_delay(60 * SECOND).start().await.unwrap();
    emit(&transport, 0..50).await;
    settle().await;
    assert_eq!((server.running(), server.waiting()), (1, 0));
    tokio::time::sleep(11 * SECOND).await;
    assert_eq!((server.running(), server.waiting()), (0, 50));
    server.shutdown(SECOND).await;
}
