//! Looking after dead letters.

use std::time::{Duration, SystemTime};

use rpc_core::message::{Message, Request};
use rpc_core::transport::{ConsumeOptions, Destination, Source};
use rpc_core::{
    Code, DeadLetterFilter, DeadLetters, Deadline, Listener, ListenerBuilder, MemoryTransport, Notifier,
    Payload, SharedTransport, Target,
};

use crate::forgetful::Memory;

const ALL: DeadLetterFilter = DeadLetterFilter::new();

fn pool(transport: &MemoryTransport, name: &str) -> ListenerBuilder {
    Listener::builder(transport, ["notifications"]).pool(name)
}

/// Emits numbers of two types, all of which pool `a` rejects, and pool `b` takes.
async fn rejected(transport: &MemoryTransport, numbers: std::ops::Range<u32>) -> Listener<u32> {
    let mut a = pool(transport, "a").start::<u32>().await.unwrap();
    let mut b = pool(transport, "b").start::<u32>().await.unwrap();
    let notifier = Notifier::new(transport, "p");
    for number in numbers {
        let event_type = if number % 2 == 0 { "even" } else { "odd" };
        notifier.info(event_type, &number).await.unwrap();
        a.next().await.unwrap().reject("not today").await.unwrap();
        b.next().await.unwrap().ack().await.unwrap();
    }
    b
}

#[tokio::test(start_paused = true)]
async fn what_was_rejected_goes_back_to_the_pool_that_rejected_it() {
    let (transport, before) = (MemoryTransport::new(), SystemTime::now());
    let mut b = rejected(&transport, 0..4).await;
    let dead_letters = DeadLetters::new(&transport);
    let counted = dead_letters.topics(["notifications", "elsewhere"]).await.unwrap();
    assert_eq!(counted, [("notifications".to_owned(), 4)]);

    let odd = DeadLetterFilter::new().event_type("odd").code(Code::ServiceError);
    let seen = dead_letters.inspect("notifications", &odd, 10).await.unwrap();
    assert_eq!((seen.letters.len(), seen.looked_at, seen.is_complete), (2, 4, true));
    let letter = &seen.letters[0];
    assert_eq!((letter.code, letter.reason.as_str()), (Code::ServiceError, "not today"));
    assert_eq!(letter.queue, "notify.default.notifications.info.a");
    assert!(letter.rejected_at.unwrap() >= before);

    let replayed = dead_letters.replay("notifications", &odd, 10).await.unwrap();
    assert_eq!((replayed.letters.len(), replayed.left.len()), (2, 0));
    let mut a = pool(&transport, "a").start::<u32>().await.unwrap();
    for (number, letter) in [1, 3].into_iter().zip(&seen.letters) {
        let event = a.next().await.unwrap();
        assert_eq!((*event.payload(), event.attempt()), (number, 1));
        assert_eq!(Some(event.message_id()), letter.message_id.as_ref());
        event.ack().await.unwrap();
    }
    let again = tokio::time::timeout(Duration::from_secs(1), b.next()).await;
    assert!(again.is_err(), "the other pool has had them");

    let discarded = dead_letters.discard("notifications", &ALL, 10).await.unwrap();
    assert_eq!(discarded.letters.len(), 2);
    assert_eq!(dead_letters.topics(["notifications"]).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_touched_than_was_said_and_the_oldest_first() {
    let transport = MemoryTransport::new();
    let _b = rejected(&transport, 0..10).await;
    let dead_letters = DeadLetters::new(&transport);
    let some = dead_letters.discard("notifications", &DeadLetterFilter::new().event_type("even"), 3).await;
    let some = some.unwrap();
    assert_eq!((some.letters.len(), some.looked_at, some.is_complete), (3, 5, false));
    let left = dead_letters.inspect("notifications", &ALL, 0).await.unwrap();
    assert_eq!((left.letters.len(), left.is_complete), (1, false), "0 counts as 1");
    let Ok(Message::Notification(first)) = &left.letters[0].message else { panic!("an event was rejected") };
    assert_eq!(first.event_type, "odd");
    let elsewhere = dead_letters.clone().exchange("elsewhere").inspect("notifications", &ALL, 10).await;
    assert_eq!(elsewhere.unwrap().letters.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cast_is_replayed_as_a_first_attempt_without_a_time_limit() {
    let transport = SharedTransport::from(MemoryTransport::new());
    let source = Source::Requests(Target::topic("t").server("s"));
    let mut consumer = transport.transport().consume(source, ConsumeOptions::new()).await.unwrap();
    let mut request = Request::new("run", Payload::default());
    request.time_to_live = Some(Duration::from_secs(5));
    request.context.deadline = Some(Deadline::after(Duration::from_secs(5)));
    let destination = Destination::Request(Target::topic("t").server("s"));
    let until = Deadline::after(Duration::from_secs(1));
    transport.transport().publish(&destination, Message::from(request), until).await.unwrap();
    consumer.next().await.unwrap().requeue().unwrap();
    consumer.next().await.unwrap().reject(Code::ServiceError, "no").unwrap();

    let dead_letters = DeadLetters::new(&transport);
    let run = DeadLetterFilter::new().method("run");
    assert_eq!(dead_letters.replay("t", &run, 1).await.unwrap().letters.len(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let delivery = consumer.next().await.unwrap();
    let Ok(Message::Request(request)) = delivery.message() else { panic!("a request was sent") };
    assert_eq!((request.context.attempt, request.context.deadline), (1, None));
    delivery.ack().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_lost_its_queue_stays() {
    let transport = SharedTransport::from(MemoryTransport::new());
    let all_servers = Target::topic("t").fanout();
    let source = Source::Requests(all_servers.clone());
    let mut consumer = transport.transport().consume(source, ConsumeOptions::new()).await.unwrap();
    let message = Message::from(Request::new("run", Payload::default()));
    let until = Deadline::after(Duration::from_secs(1));
    transport.transport().publish(&Destination::Request(all_servers), message, until).await.unwrap();
    consumer.next().await.unwrap().reject(Code::ServiceError, "no").unwrap();
    drop(consumer);
    let dead_letters = DeadLetters::new(&transport);
    let replayed = dead_letters.replay("t", &ALL, 5).await.unwrap();
    assert_eq!((replayed.letters.len(), replayed.left[0].1.code()), (0, Code::Unroutable));
    assert_eq!(dead_letters.topics(["t"]).await.unwrap(), [("t".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_transport_need_not_show_any() {
    let transport = Memory::default().connect(&MemoryTransport::new());
    let dead_letters = DeadLetters::new(&transport);
    let counted = dead_letters.topics(["t"]).await.unwrap_err();
    let seen = dead_letters.inspect("t", &ALL, 1).await.unwrap_err();
    for error in [counted, seen] {
        assert_eq!((error.code(), error.is_retryable()), (Code::Unavailable, false));
    }
}
