//! A connection against a broker that says what a test wants it to say.

mod broker;

use std::time::Duration;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use amq_protocol::protocol::basic::{self, AMQPMethod as Basic, AMQPProperties};
use amq_protocol::protocol::channel::{self, AMQPMethod as OfChannel};
use amq_protocol::protocol::connection::{self, AMQPMethod as OfConnection};
use amq_protocol::protocol::{AMQPClass, confirm, exchange, queue};
use futures_util::{FutureExt, StreamExt};
use lapin::types::ShortString;
use lapin::{BasicProperties, ErrorKind, Event};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use self::broker::{Broker, login, method};
use super::inbox::Raw;
use super::outbox::Outbox;
use super::state::State;
use super::*;

const PLACE: Place<'static> = Place { exchange: "", key: "k", mandatory: true };

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap()
}

async fn publish(broker: &mut Broker, channel: &Channel, count: u64) {
    for _ in 0..count {
        channel.publish(PLACE, &BasicProperties::default().into(), b"body").unwrap();
    }
    for _ in 0..3 * count {
        broker.frame().await;
    }
}

fn ack(delivery_tag: u64, multiple: bool) -> AMQPClass {
    AMQPClass::Basic(Basic::Ack(basic::Ack { delivery_tag, multiple }))
}

fn content(channel: u16, begin: Basic, body: &[u8]) -> Vec<AMQPFrame> {
    let (class_id, properties) = (60, AMQPProperties::default());
    let header = AMQPContentHeader { class_id, body_size: body.len() as u64, properties };
    let mut frames = vec![method(channel, AMQPClass::Basic(begin)), AMQPFrame::Header(channel, header)];
    frames.extend(body.chunks(3).map(|part| AMQPFrame::Body(channel, part.to_vec())));
    frames
}

fn deliver(tag: u64) -> Basic {
    Basic::Deliver(basic::Deliver {
        consumer_tag: short("c"),
        delivery_tag: tag,
        redelivered: tag == 2,
        exchange: short(""),
        routing_key: short("k"),
    })
}

#[tokio::test]
async fn a_login_agrees_on_the_smaller_limits() {
    let (mut broker, connection) = Broker::with_connection().await;
    assert_eq!((connection.frame_max(), connection.heartbeat()), (4_096, 10));
    let opening = tokio::spawn(async move { (connection.create_channel().await, connection) });
    assert!(matches!(broker.method().await, (1, AMQPClass::Channel(OfChannel::Open(_)))));
    broker.send([method(1, AMQPClass::Channel(OfChannel::OpenOk(channel::OpenOk {})))]).await;
    let (channel, connection) = opening.await.unwrap();
    let channel = channel.unwrap();
    assert!((channel.id(), channel.is_usable(), connection.is_connected()) == (1, true, true));
}

#[tokio::test]
async fn a_refused_login_says_what_the_broker_says() {
    let (mut broker, stream) = Broker::new();
    let opening = tokio::spawn(Connection::open(stream, login()));
    broker.start().await;
    broker.method().await;
    let reply_text = short("ACCESS_REFUSED - wrong password");
    let close = connection::Close { reply_code: 403, reply_text, class_id: 0, method_id: 0 };
    broker.send([method(0, AMQPClass::Connection(OfConnection::Close(close)))]).await;
    assert!(matches!(broker.method().await.1, AMQPClass::Connection(OfConnection::CloseOk(_))));
    let error = opening.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == 403), "{error}");

    let (broker, stream) = Broker::new();
    drop(broker);
    let error = Connection::open(stream, login()).await.unwrap_err();
    assert!(error.is_io_error(), "{error}");
}

#[tokio::test]
async fn answers_go_to_whoever_asked_in_that_order() {
    let (mut broker, channel, _connection) = Broker::with_channel().await;
    let other = channel.clone();
    let asking = tokio::spawn(async move {
        let depth = |queue| channel.queue_declare(short(queue), Default::default(), Default::default());
        tokio::join!(depth("a"), channel.confirm_select(), depth("b"))
    });
    for _ in 0..3 {
        broker.method().await;
    }
    let depth = |message_count| {
        let (queue, consumer_count) = (short("q"), 1);
        let ok = queue::DeclareOk { queue, message_count, consumer_count };
        method(1, AMQPClass::Queue(queue::AMQPMethod::DeclareOk(ok)))
    };
    let select = AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}));
    broker.send([depth(3), method(1, select), depth(4)]).await;
    let (first, second, third) = asking.await.unwrap();
    assert!(second.is_ok());
    assert_eq!([first.unwrap().ready, third.unwrap().ready], [3, 4]);
    assert!(other.is_usable());
}

#[tokio::test]
async fn what_is_said_is_what_a_broker_reads() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    let saying = tokio::spawn(async move {
        let exchange = channel.exchange_declare(short("x"), short("topic"), Default::default());
        let (bind, qos) = (channel.queue_bind(short("q"), short("x"), short("k")), channel.basic_qos(7));
        let tell = async {
            channel.basic_ack(3, true)?;
            channel.written(channel.basic_nack(4, false, true)?).await
        };
        let (delete, close) = (channel.queue_delete(short("q")), channel.close(200, short("bye")));
        tokio::join!(exchange, bind, qos, tell, delete, close)
    });
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(broker.method().await.1);
    }
    let is_expected = |(index, method): (usize, &AMQPClass)| match (index, method) {
        (0, AMQPClass::Exchange(exchange::AMQPMethod::Declare(it))) => it.kind.as_str() == "topic",
        (1, AMQPClass::Queue(queue::AMQPMethod::Bind(it))) => it.routing_key.as_str() == "k",
        (2, AMQPClass::Basic(Basic::Qos(it))) => it.prefetch_count == 7 && !it.global,
        (3, AMQPClass::Basic(Basic::Ack(it))) => it.delivery_tag == 3 && it.multiple,
        (4, AMQPClass::Basic(Basic::Nack(it))) => it.delivery_tag == 4 && !it.multiple && it.requeue,
        (5, AMQPClass::Queue(queue::AMQPMethod::Delete(it))) => it.queue.as_str() == "q",
        (6, AMQPClass::Channel(OfChannel::Close(it))) => it.reply_code == 200,
        _ => false,
    };
    assert!(seen.iter().enumerate().all(is_expected), "{seen:?}");
    let answers = [
        AMQPClass::Exchange(exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {})),
        AMQPClass::Queue(queue::AMQPMethod::BindOk(queue::BindOk {})),
        AMQPClass::Basic(Basic::QosOk(basic::QosOk {})),
        AMQPClass::Queue(queue::AMQPMethod::DeleteOk(queue::DeleteOk { message_count: 0 })),
        AMQPClass::Channel(OfChannel::CloseOk(channel::CloseOk {})),
    ];
    broker.send(answers.map(|answer| method(1, answer))).await;
    let (exchange, bind, qos, told, delete, close) = saying.await.unwrap();
    for done in [exchange, bind, qos, told, delete, close] {
        done.unwrap();
    }
    assert!(connection.is_connected());
}

#[tokio::test]
async fn confirms_come_together_and_in_order() {
    let (mut broker, channel, _connection) = Broker::with_channel().await;
    publish(&mut broker, &channel, 5).await;
    assert!(channel.confirmed().now_or_never().is_none());
    let returned = Basic::Return(basic::Return {
        reply_code: 312,
        reply_text: short("NO_ROUTE"),
        exchange: short(""),
        routing_key: short("k"),
    });
    broker.send(content(1, returned, b"returned")).await;
    let nack = Basic::Nack(basic::Nack { delivery_tag: 2, multiple: false, requeue: false });
    let frames = [ack(4, false), AMQPClass::Basic(nack), ack(3, true)];
    broker.send(frames.map(|frame| method(1, frame))).await;
    let confirmed = timeout(Duration::from_secs(1), channel.confirmed()).await.unwrap().unwrap();
    let seen: Vec<_> = confirmed.iter().map(|it| (it.tag, it.acknowledged, it.returned.is_some())).collect();
    assert_eq!(seen, [(4, true, true), (2, false, false), (1, true, false), (3, true, false)]);
    assert_eq!(&confirmed[0].returned.as_ref().unwrap().body[..], b"returned");
    assert!(channel.confirmed().now_or_never().is_none());
}

#[tokio::test]
async fn deliveries_come_until_the_consumer_is_cancelled() {
    let (mut broker, channel, _connection) = Broker::with_channel().await;
    let consuming = tokio::spawn(async move {
        let deliveries = channel.basic_consume(short("q"), short("c"), Default::default()).await;
        (deliveries.unwrap(), channel)
    });
    broker.method().await;
    // The first comes before anybody can have looked.
    let ok = Basic::ConsumeOk(basic::ConsumeOk { consumer_tag: short("c") });
    let mut frames = vec![method(1, AMQPClass::Basic(ok))];
    frames.extend(content(1, deliver(1), b"first"));
    broker.send(frames).await;
    let (mut deliveries, channel) = consuming.await.unwrap();
    let cancelling = tokio::spawn(async move { channel.basic_cancel(short("c")).await });
    broker.method().await;
    broker.send(content(1, deliver(2), b"")).await;
    let ok = Basic::CancelOk(basic::CancelOk { consumer_tag: short("c") });
    broker.send([method(1, AMQPClass::Basic(ok))]).await;
    cancelling.await.unwrap().unwrap();
    // Nobody consumes any more.
    broker.send(content(1, deliver(3), b"third")).await;
    let mut seen = Vec::new();
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery.unwrap();
        seen.push((delivery.tag, delivery.redelivered, delivery.body.to_vec()));
    }
    assert_eq!(seen, [(1, false, b"first".to_vec()), (2, true, Vec::new())]);
}

#[tokio::test]
async fn who_waits_on_a_channel_learns_why_it_was_closed() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    publish(&mut broker, &channel, 1).await;
    let asker = channel.clone();
    let asking = tokio::spawn(async move { asker.basic_get(short("q")).await });
    broker.method().await;
    let close = channel::Close { reply_code: 404, reply_text: short("NOT_FOUND"), class_id: 0, method_id: 0 };
    broker.send([method(1, AMQPClass::Channel(OfChannel::Close(close)))]).await;
    assert!(matches!(broker.method().await, (1, AMQPClass::Channel(OfChannel::CloseOk(_)))));
    for error in [asking.await.unwrap().unwrap_err(), channel.confirmed().await.unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == 404), "{error}");
    }
    assert!(!channel.is_usable() && connection.is_connected());
    assert!(channel.publish(PLACE, &BasicProperties::default().into(), b"").is_err());
}

#[tokio::test]
async fn a_channel_that_nobody_has_is_closed_and_its_number_used_again() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    drop(channel);
    assert!(matches!(broker.method().await, (1, AMQPClass::Channel(OfChannel::Close(_)))));
    // Two are allowed, and the first is not free before the broker says so.
    let mut opened = Vec::new();
    for number in [2, 1] {
        if number == 1 {
            let refused = connection.create_channel().await.unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::ChannelsLimitReached), "{refused}");
            broker.send([method(1, AMQPClass::Channel(OfChannel::CloseOk(channel::CloseOk {})))]).await;
            sleep(Duration::from_millis(10)).await;
        }
        let opening = async { connection.create_channel().await.unwrap() };
        let answering = async {
            assert!(
                matches!(broker.method().await, (seen, AMQPClass::Channel(OfChannel::Open(_))) if seen == number)
            );
            broker.send([method(number, AMQPClass::Channel(OfChannel::OpenOk(channel::OpenOk {})))]).await;
        };
        opened.push(tokio::join!(opening, answering).0);
    }
    assert!(opened.iter().all(Channel::is_usable));
}

#[tokio::test]
async fn nothing_is_written_while_the_broker_is_blocked() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    let mut events = connection.events_listener();
    let blocked = connection::Blocked { reason: short("low on memory") };
    broker.send([method(0, AMQPClass::Connection(OfConnection::Blocked(blocked)))]).await;
    assert!(
        matches!(events.next().await, Some(Event::ConnectionBlocked(reason)) if reason == "low on memory")
    );
    assert!(connection.is_blocked());
    let told = connection.events_listener().next().await;
    assert!(matches!(told, Some(Event::ConnectionBlocked(_))), "whoever listens later is told, too");
    let queued = channel.publish(PLACE, &BasicProperties::default().into(), b"").unwrap();
    assert!(timeout(Duration::from_millis(50), broker.frame()).await.is_err());
    assert!(channel.position() < queued.position);
    let unblocked = AMQPClass::Connection(OfConnection::Unblocked(connection::Unblocked {}));
    broker.send([method(0, unblocked)]).await;
    assert!(matches!(broker.frame().await, AMQPFrame::Method(1, AMQPClass::Basic(Basic::Publish(_)))));
    channel.written(queued.position).await.unwrap();
    assert_eq!(channel.position(), queued.position);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    let mut events = connection.events_listener();
    let start = Instant::now();
    assert!(matches!(broker.frame().await, AMQPFrame::Heartbeat));
    broker.send([AMQPFrame::Heartbeat]).await;
    let Some(Event::Error(error)) = events.next().await else { panic!("nothing else happens") };
    assert!(matches!(error.kind(), ErrorKind::MissingHeartbeatError), "{error}");
    let took = start.elapsed();
    assert!((Duration::from_secs(20)..=Duration::from_secs(36)).contains(&took), "{took:?}");
    assert!(!connection.is_connected() && channel.confirmed().await.is_err());
}

#[tokio::test]
async fn a_farewell_is_answered() {
    let (mut broker, channel, connection) = Broker::with_channel().await;
    let leaving = tokio::spawn(async move {
        let left = connection.close(200, short("bye")).await;
        (left, connection)
    });
    broker.method().await;
    broker.send([method(0, AMQPClass::Connection(OfConnection::CloseOk(connection::CloseOk {})))]).await;
    let (left, connection) = leaving.await.unwrap();
    left.unwrap();
    assert!(!connection.is_connected() && !channel.is_usable());

    let (mut broker, channel, connection) = Broker::with_channel().await;
    let close = connection::Close {
        reply_code: 320,
        reply_text: short("CONNECTION_FORCED"),
        class_id: 0,
        method_id: 0,
    };
    broker.send([method(0, AMQPClass::Connection(OfConnection::Close(close)))]).await;
    assert!(matches!(broker.method().await.1, AMQPClass::Connection(OfConnection::CloseOk(_))));
    let error = channel.confirmed().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == 320), "{error}");
    assert!(connection.create_channel().await.is_err());
    assert!(broker.is_left().await, "the stream is dropped with the task");
}

proptest! {
    #[test]
    fn no_frame_panics(
        frames in prop::collection::vec(
            (0_u8..10, 0_u16..3, prop::sample::select(vec![10_u16, 20, 50, 60, 85]), 0_u16..121,
             prop::collection::vec(any::<u8>(), 0..60)), 0..40),
    ) {
        let mut state = State::new(Outbox::new(4_096), 10, 0);
        state.add_channel().unwrap();
        for (kind, channel, class, number, rest) in frames {
            let mut payload = class.to_be_bytes().to_vec();
            payload.extend(number.to_be_bytes());
            payload.extend(rest);
            // What is not understood is an error, and nothing else.
            let _ = state.take(Raw { kind, channel, payload: &payload });
        }
    }
}
