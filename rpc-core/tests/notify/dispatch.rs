//! Which handlers an event goes to, and what becomes of it.

use std::time::Duration;

use rpc_core::{
    Code, Context, Disposition, Health, Listener, MemoryTransport, NotificationEndpoint, Notifier, Priority,
    Received, Value,
};
use tokio::time::Instant;

use crate::journal::{Journal, PowerSet, Renamed};
use crate::support::{SECOND, is_drained, on, settle};

#[tokio::test(start_paused = true)]
async fn nt_19_without_handlers_every_event_is_handled() {
    let transport = MemoryTransport::new();
    let server = on(&transport).endpoint(NotificationEndpoint::new()).start().await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    settle().await;
    server.shutdown(SECOND).await;
    assert!(is_drained(&transport).await);
}

#[tokio::test(start_paused = true)]
async fn nt_20_fn_22_each_priority_reaches_its_handler() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let mut endpoint = NotificationEndpoint::new();
    for &priority in Priority::ALL {
        endpoint = endpoint.on_priority(priority, journal.note::<Value>(priority.as_str()));
    }
    let only_warnings =
        NotificationEndpoint::new().on_priority(Priority::Warn, journal.note::<Value>("second"));
    let _server = on(&transport).endpoint(endpoint).endpoint(only_warnings).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    for &priority in Priority::ALL {
        notifier.notify(priority, "e", &1).await.unwrap();
        settle().await;
    }
    let expected = [
        "audit e 1",
        "debug e 1",
        "info e 1",
        "warn e 1",
        "second e 1",
        "error e 1",
        "critical e 1",
        "sample e 1",
    ];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn only_priorities_that_a_handler_wants_are_subscribed_to() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new().on_priority(Priority::Error, journal.note::<Value>("h"));
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.info("i", &1).await.unwrap();
    notifier.error("e", &1).await.unwrap();
    settle().await;
    server.shutdown(SECOND).await;
    assert_eq!(journal.lines(), ["h e 1"]);
    let mut rest = on(&transport).start::<Value>().await.unwrap();
    assert_eq!(rest.next().await.unwrap().event_type(), "i", "nobody has taken it");
}

#[tokio::test(start_paused = true)]
async fn nt_21_22_41_all_handlers_that_want_an_event_are_called_once_and_in_order() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let first = NotificationEndpoint::new()
        .on(journal.note::<PowerSet>("typed"))
        .on(journal.note::<Renamed>("other"))
        .on_any(journal.note::<Value>("any"));
    let second = NotificationEndpoint::new().on_priority(Priority::Warn, journal.note::<PowerSet>("warn"));
    let server = on(&transport).endpoint(first).endpoint(second).start().await.unwrap();
    Notifier::new(&transport, "p").emit(&PowerSet { node: 7 }).await.unwrap();
    settle().await;
    server.shutdown(SECOND).await;
    assert_eq!(journal.lines(), ["typed node.power_set 1", "any node.power_set 1", "warn node.power_set 1"]);
    assert!(is_drained(&transport).await, "no result counts as handled");
}

#[tokio::test(start_paused = true)]
async fn nt_23_nt_42_what_is_requeued_comes_back_after_its_delay() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let started = Instant::now();
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            journal.write(format!("{} {}", event.attempt(), started.elapsed().as_secs()));
            let again = event.attempt() < 3;
            async move {
                if again { Disposition::requeue_after(10 * SECOND, "not yet") } else { Disposition::Handled }
            }
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(journal.lines(), ["1 0", "2 10", "3 20"]);
    server.shutdown(SECOND).await;
    assert!(is_drained(&transport).await);
}

#[tokio::test(start_paused = true)]
async fn nt_24_an_error_and_a_panic_count_as_requeue() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let fails =
        |event: Received<Value>| async move { if event.attempt() > 1 { Ok(()) } else { Err("asked to") } };
    let panics = |event: Received<Value>| async move { assert!(event.attempt() > 1, "asked to") };
    let endpoint = NotificationEndpoint::new()
        .on_priority(Priority::Info, journal.note::<Value>("before"))
        .on_priority(Priority::Info, fails)
        .on_priority(Priority::Error, panics)
        .on_any(journal.note::<Value>("after"));
    let server = on(&transport).endpoint(endpoint).requeue_delay(SECOND).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.info("i", &1).await.unwrap();
    notifier.error("e", &1).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), ["before i 1"], "the first that does not handle it ends the chain");
    tokio::time::sleep(2 * SECOND).await;
    let mut lines = journal.lines().split_off(1);
    lines.sort();
    assert_eq!(lines, ["after e 2", "after i 2", "before i 2"]);
    server.shutdown(SECOND).await;
    assert!(is_drained(&transport).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_handled_ends_in_the_dead_letters_with_the_last_reason() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            journal.write(event.attempt().to_string());
            async { Err::<(), _>("the disk is full") }
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let builder = on(&transport).delivery_limit(3);
    let _server = builder.endpoint(endpoint).requeue_delay(Duration::ZERO).start().await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(journal.lines(), ["1", "2", "3"]);
    let dead = transport.broker().dead_letters();
    assert_eq!((dead.len(), dead[0].code), (1, Code::TooManyAttempts));
    assert_eq!(dead[0].reason, "attempt 3 was the last one: the disk is full");
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_and_what_does_not_decode_goes_to_the_dead_letters_and_the_rest_flows() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let reject = |_: Received<Value>| async { Disposition::reject("nobody wants it") };
    let endpoint = NotificationEndpoint::new()
        .on_any(journal.note::<Value>("any"))
        .on(journal.note::<PowerSet>("typed"))
        .on_priority(Priority::Error, reject);
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.warn("node.power_set", &Value::map([("node", "seven")])).await.unwrap();
    notifier.error("e", &1).await.unwrap();
    settle().await;
    notifier.emit(&PowerSet { node: 7 }).await.unwrap();
    settle().await;
    let dead = transport.broker().dead_letters();
    assert_eq!((dead[0].code, dead[1].code), (Code::Malformed, Code::ServiceError));
    assert_eq!(server.rejected(), 2);
    assert!(dead[0].reason.contains("node: "), "{}", dead[0].reason);
    assert_eq!(dead[1].reason, "nobody wants it");
    let expected = ["any e 1", "any node.power_set 1", "typed node.power_set 1"];
    assert_eq!(journal.lines(), expected, "no handler gets what another cannot read");
}

#[tokio::test(start_paused = true)]
async fn nt_33_a_listener_without_a_topic_does_not_start() {
    let transport = MemoryTransport::new();
    for topics in [&[][..], &[""]] {
        let builder = Listener::builder(&transport, topics.iter().copied());
        let error = builder.endpoint(NotificationEndpoint::new()).start().await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArguments);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_does_follows_from_its_event() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            let journal = journal.clone();
            async move {
                let context = Context::current().unwrap();
                assert_eq!(context.message_id.as_ref(), Some(event.message_id()));
                journal.write(context.request_id.as_str());
            }
        }
    };
    let _server = on(&transport).endpoint(NotificationEndpoint::new().on_any(handler)).start().await.unwrap();
    let context = Context::new();
    Notifier::new(&transport, "p").context(&context).info("e", &1).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), [context.request_id.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_a_time_than_told_and_one_at_a_time_keeps_order() {
    for concurrency in [1_u16, 4] {
        let (transport, journal) = (MemoryTransport::new(), Journal::default());
        let handler = {
            let journal = journal.clone();
            move |event: Received<i64>| {
                let journal = journal.clone();
                async move {
                    journal.write(format!("start {}", event.payload()));
                    // The earlier ones take longer.
                    tokio::time::sleep(Duration::from_millis(100 - event.payload().unsigned_abs())).await;
                    journal.write(format!("end {}", event.payload()));
                }
            }
        };
        let endpoint = NotificationEndpoint::new().on_any(handler);
        let server = on(&transport).endpoint(endpoint).concurrency(concurrency).start().await.unwrap();
        let notifier = Notifier::new(&transport, "p");
        for number in 0..40 {
            notifier.info("e", &number).await.unwrap();
        }
        tokio::time::sleep(10 * SECOND).await;
        server.shutdown(SECOND).await;
        let (mut running, mut most, mut starts) = (0, 0, Vec::new());
        for line in journal.lines() {
            match line.strip_prefix("start ") {
                Some(number) => {
                    running += 1;
                    starts.push(number.parse::<i64>().unwrap());
                }
                None => running -= 1,
            }
            most = most.max(running);
        }
        assert_eq!((most, starts.len()), (concurrency, 40));
        assert!(starts.is_sorted(), "{starts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_stays_with_the_broker() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let blocked = {
        let journal = journal.clone();
        move |_: Received<Value>| {
            journal.write("start");
            std::future::pending::<()>()
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(blocked);
    let _server = on(&transport).prefetch(5).endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    for number in 0..20 {
        notifier.info("e", &number).await.unwrap();
    }
    settle().await;
    assert_eq!(journal.lines().len(), 1);
    let mut other = on(&transport).start::<i64>().await.unwrap();
    for number in 5..20 {
        let event = other.next().await.unwrap();
        assert_eq!((*event.payload(), event.attempt()), (number, 1), "it was never handed out");
        event.ack().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_what_runs_finish_and_gives_the_rest_back() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let handler = {
        let journal = journal.clone();
        move |event: Received<i64>| {
            let journal = journal.clone();
            async move {
                if *event.payload() == 0 {
                    return Disposition::requeue_after(3_600 * SECOND, "much later");
                }
                tokio::time::sleep(5 * SECOND).await;
                journal.write(event.payload().to_string());
                Disposition::Handled
            }
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    for number in 0..10 {
        notifier.info("e", &number).await.unwrap();
    }
    settle().await;
    let (health, started) = (server.health(), Instant::now());
    assert_eq!(health.now(), Health::Consuming);
    let stopping = tokio::spawn(server.shutdown(60 * SECOND));
    tokio::time::sleep(SECOND).await;
    assert_eq!(health.now(), Health::Draining, "a handler runs");
    stopping.await.unwrap();
    assert_eq!(health.now(), Health::Closed);
    assert!(started.elapsed() <= 5 * SECOND, "{:?}", started.elapsed());
    assert_eq!(journal.lines(), ["1"]);
    let mut rest = on(&transport).start::<i64>().await.unwrap();
    let mut numbers = Vec::new();
    while let Ok(event) = tokio::time::timeout(SECOND, rest.next()).await {
        let event = event.unwrap();
        numbers.push((*event.payload(), event.attempt() > 1));
        event.ack().await.unwrap();
    }
    numbers.sort_unstable();
    let expected: Vec<_> = [0, 2, 3, 4, 5, 6, 7, 8, 9].map(|number| (number, true)).into();
    assert_eq!(numbers, expected);
}

#[tokio::test(start_paused = true)]
async fn dv_27_an_event_is_acknowledged_only_after_its_handlers() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new()
        .on_any(journal.note::<Value>("first"))
        .on_any(|_: Received<Value>| std::future::pending::<()>());
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    Notifier::new(&transport, "p").info("e", &1).await.unwrap();
    settle().await;
    assert_eq!(journal.lines(), ["first e 1"]);
    drop(server);
    settle().await;
    let mut events = on(&transport).start::<Value>().await.unwrap();
    assert!(events.next().await.unwrap().is_redelivered());
}
