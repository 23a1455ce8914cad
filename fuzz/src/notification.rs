//! Notifications: each is handed to its listener, or kept with the reason.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::message::{Message, NotificationMessage};
use rpc_core::transport::Destination;
use rpc_core::{Deadline, Listener, MemoryTransport, SharedTransport, Target, Value};
use serde::de::DeserializeOwned;

use crate::message::{check_text, read, run};
use crate::table::Record;

/// When everything that can happen has happened. Nothing here waits, so the clock gets there at once.
const END: Duration = Duration::from_secs(1);

pub fn check(octets: &[u8]) {
    run(async {
        if let Some(Message::Notification(notification)) = read(octets) {
            heard::<Value>((*notification).clone()).await;
            heard::<Record>(Arc::unwrap_or_clone(notification)).await;
        }
    });
}

async fn heard<T: DeserializeOwned>(notification: NotificationMessage) {
    let transport = MemoryTransport::new();
    let listener = Listener::builder(&transport, ["events"]).start::<T>().await;
    let mut listener = listener.expect("a listener can be started");
    let destination = Destination::Notification {
        exchange: Target::DEFAULT_EXCHANGE.to_owned(),
        topic: "events".to_owned(),
        priority: notification.priority,
    };
    let shared: &SharedTransport = transport.as_ref();
    let sent = Message::from(notification.clone());
    shared.transport().publish(&destination, sent, Deadline::after(END)).await.expect("it is kept");
    let event = tokio::time::timeout(END, listener.next()).await;
    let dead = transport.broker().dead_letters();
    match (event, &dead[..]) {
        (Ok(Some(event)), []) => {
            assert_eq!(event.event_type(), notification.event_type);
            assert_eq!(event.publisher_id(), notification.publisher_id);
            assert_eq!(event.message_id(), &notification.message_id);
            let _ = event.timestamp();
            event.ack().await.expect("the broker is there");
        }
        (Err(_), [dead]) => check_text(&dead.reason),
        (event, dead) => panic!("handed out: {}, dead: {}", event.is_ok(), dead.len()),
    }
}
