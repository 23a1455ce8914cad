//! What a listener leaves alone, and how long it keeps trying.

use rpc_core::{
    ContentType, Filter, MemoryTransport, Notification, NotificationEndpoint, Notifier, Received, Value,
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::journal::{Journal, PowerSet, Renamed};
use crate::support::{SECOND, is_drained, on, settle};

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_is_not_looked_into() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let endpoint = NotificationEndpoint::new()
        .filter(Filter::new().payload("node", "7"))
        .on(journal.note::<PowerSet>("h"));
    let listener = on(&transport).accept([ContentType::Json]);
    let server = listener.endpoint(endpoint).start().await.unwrap();
    // MessagePack, which this listener does not accept.
    Notifier::new(&transport, "p").info("somebody.elses", &1).await.unwrap();
    settle().await;
    assert_eq!((server.rejected(), transport.broker().dead_letters().len()), (0, 0));
    server.shutdown(SECOND).await;
    assert!(is_drained(&transport).await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_minutes_costs_no_event() {
    let (transport, journal) = (MemoryTransport::new(), Journal::default());
    let started = Instant::now();
    let handler = {
        let journal = journal.clone();
        move |event: Received<Value>| {
            let is_up = started.elapsed() > 200 * SECOND;
            if event.payload().as_integer() == Some(0) {
                journal.write(started.elapsed().as_secs().to_string());
            }
            async move { if is_up { Ok(()) } else { Err("the store is down") } }
        }
    };
    let endpoint = NotificationEndpoint::new().on_any(handler);
    let server = on(&transport).endpoint(endpoint).start().await.unwrap();
    for number in 0..50 {
        Notifier::new(&transport, "p").info("e", &number).await.unwrap();
    }
    tokio::time::sleep(300 * SECOND).await;
    assert_eq!(server.rejected(), 0);
    assert_eq!(journal.lines(), ["0", "1", "3", "7", "15", "31", "63", "123", "183", "243"]);
    server.shutdown(SECOND).await;
    assert!(is_drained(&transport).await);
}

/// As a collector has it that emits nothing.
#[derive(Debug, Deserialize, Eq, Notification, PartialEq)]
#[notification(event_type = "node.power_set")]
struct OnlyRead {
    node: i64,
}

#[tokio::test(start_paused = true)]
async fn a_listener_of_one_type_leaves_the_others_alone() {
    let transport = MemoryTransport::new();
    let mut events = on(&transport).only::<OnlyRead>().start::<OnlyRead>().await.unwrap();
    let notifier = Notifier::new(&transport, "p");
    notifier.emit(&Renamed { name: "n".to_owned() }).await.unwrap();
    notifier.emit(&PowerSet { node: 7 }).await.unwrap();
    let event = events.next().await.unwrap();
    assert_eq!(event.payload(), &OnlyRead { node: 7 });
    event.ack().await.unwrap();
    events.close().await;
    assert_eq!(transport.broker().dead_letters().len(), 0);
    assert!(is_drained(&transport).await);
}
