//! What is sent is what arrives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Harness;
use super::support::{
    consume, next, payload, publish, request, request_of, send_request, serve, topic, two, unique,
};
use crate::context::{Context, Metadata, TraceContext};
use crate::error::{Code, Executed};
use crate::identity::{CorrelationId, RequestId};
use crate::message::{Failure, Message, NotificationMessage, Outcome, Reply, Request};
use crate::payload::{ContentEncoding, ContentType, Payload};
use crate::priority::Priority;
use crate::reply_address::ReplyAddress;
use crate::transport::{Destination, Source, Subscription};
use crate::version::Version;

fn context() -> Context {
    let mut metadata = Metadata::default();
    metadata.insert("user", "Bøb \u{1f980}").unwrap();
    metadata.insert("empty", "").unwrap();
    Context {
        idempotency_key: Some("key-7".to_owned()),
        trace: TraceContext::from_headers(
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            Some("vendor=1".to_owned()),
            Some("a=b".to_owned()),
        ),
        metadata,
        ..Context::with_request_id(RequestId::parse("request-7").unwrap())
    }
}

fn assert_context(arrived: &Context) {
    let sent = context();
    assert_eq!(arrived.request_id, sent.request_id);
    assert_eq!(arrived.idempotency_key, sent.idempotency_key);
    assert_eq!(arrived.trace, sent.trace);
    assert_eq!(arrived.metadata, sent.metadata);
}

pub(super) async fn every_field_of_a_request_arrives(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let target = topic();
    let mut server = serve(&other, &target, 1).await;
    let bodies = [
        Payload::new(ContentType::MessagePack, Bytes::from_static(&[0x81, 0xa1, b'a', 0x01])),
        Payload::new(ContentType::Json, Bytes::from_static(b"{}")),
        Payload::new(ContentType::Json, Bytes::from_static(b"\x28\xb5\x2f\xfd"))
            .with_content_encoding(Some(ContentEncoding::Zstd)),
    ];
    for arguments in bodies {
        let sent = Request {
            reply_to: Some((ReplyAddress::random("a.b"), CorrelationId::parse("c-1").unwrap())),
            namespace: Some("name.space".into()),
            version: Version::new(3, 14),
            context: context(),
            accept_encoding: Some(ContentEncoding::Zstd),
            call_monitor: Some(Duration::from_millis(2_500)),
            progress: true,
            ..Request::new("methöd", arguments)
        };
        send_request(&one, &target, sent.clone()).await.unwrap();
        let delivery = next(&mut server).await;
        let arrived = request_of(&delivery);
        assert_eq!(arrived.message_id, sent.message_id);
        assert_eq!(arrived.reply_to, sent.reply_to);
        assert_eq!(arrived.namespace, sent.namespace);
        assert_eq!(arrived.version, sent.version);
        assert_eq!(arrived.method, sent.method);
        assert_eq!(arrived.arguments, sent.arguments);
        assert_eq!(arrived.accept_encoding, sent.accept_encoding);
        assert_eq!((arrived.call_monitor, arrived.progress), (sent.call_monitor, true));
        assert_context(&arrived.context);
        delivery.ack().unwrap();
    }
    // And what is missing stays missing.
    send_request(&one, &target, request("plain")).await.unwrap();
    let delivery = next(&mut server).await;
    let arrived = request_of(&delivery);
    assert_eq!((&arrived.reply_to, &arrived.namespace, arrived.accept_encoding), (&None, &None, None));
    assert_eq!((arrived.version, arrived.context.deadline), (Version::DEFAULT, None));
    assert_eq!((arrived.call_monitor, arrived.progress), (None, false));
    assert!(arrived.context.metadata.is_empty() && arrived.context.idempotency_key.is_none());
}

async fn exchange(harness: &Arc<dyn Harness>, sent: &Reply) -> Reply {
    let (one, other) = two(harness).await;
    let address = ReplyAddress::random("fidelity");
    let mut consumer = consume(&one, Source::Replies(address.clone()), 0).await;
    publish(&other, &Destination::Reply(address), Message::from(sent.clone())).await.unwrap();
    let (message, acknowledger) = next(&mut consumer).await.into_parts();
    acknowledger.ack().unwrap();
    match message {
        Ok(Message::Reply(reply)) => Arc::unwrap_or_clone(reply),
        other => panic!("a reply was expected, this came: {other:?}"),
    }
}

pub(super) async fn every_field_of_a_reply_arrives(harness: Arc<dyn Harness>) {
    let correlation_id = CorrelationId::parse("any text of theirs").unwrap();
    let result = Payload::new(ContentType::MessagePack, Bytes::from_static(&[0xc0]));
    let sent = Reply {
        server: Some("cell-1".into()),
        time_to_live: Some(Duration::from_secs(60)),
        ..Reply::new(correlation_id, Outcome::Success(result.clone()))
    };
    let arrived = exchange(&harness, &sent).await;
    assert_eq!(arrived.message_id, sent.message_id);
    assert_eq!(arrived.correlation_id, sent.correlation_id);
    assert_eq!((arrived.server, arrived.ending), (sent.server, true));
    assert!(matches!(arrived.outcome, Outcome::Success(payload) if payload == result));
}

pub(super) async fn a_sign_of_life_arrives_as_one(harness: Arc<dyn Harness>) {
    let correlation_id = CorrelationId::parse("any text of theirs").unwrap();
    let sent = Reply { server: Some("cell-1".into()), ..Reply::running(correlation_id) };
    let arrived = exchange(&harness, &sent).await;
    assert_eq!(arrived.correlation_id, sent.correlation_id);
    assert_eq!((&arrived.server, arrived.ending), (&sent.server, false));
    assert!(matches!(&arrived.outcome, Outcome::Success(payload) if payload.body.is_empty()), "{arrived:?}");
}

pub(super) async fn progress_arrives_as_such(harness: Arc<dyn Harness>) {
    let correlation_id = CorrelationId::parse("any text of theirs").unwrap();
    let progress = Payload::new(ContentType::MessagePack, Bytes::from_static(&[7]));
    let sent = Reply { server: Some("cell-1".into()), ..Reply::progress(correlation_id, progress.clone()) };
    let arrived = exchange(&harness, &sent).await;
    assert_eq!((arrived.correlation_id, arrived.server), (sent.correlation_id, sent.server));
    assert_eq!((arrived.ending, arrived.is_progress), (false, true));
    assert!(matches!(arrived.outcome, Outcome::Success(payload) if payload == progress));
}

pub(super) async fn every_field_of_a_failure_arrives(harness: Arc<dyn Harness>) {
    for &code in Code::ALL {
        let failure = Failure {
            executed: Executed::Unknown,
            retryable: !code.is_retryable(),
            retry_after: Some(Duration::from_millis(1_500)),
            error_type: Some("PowerError".into()),
            data: payload("data"),
            ..Failure::new(code, "two\nlines, \u{1f980}")
        };
        let sent = Reply::new(CorrelationId::parse("1").unwrap(), Outcome::Failure(failure.clone()));
        let Outcome::Failure(arrived) = exchange(&harness, &sent).await.outcome else {
            panic!("a failure arrived as a success");
        };
        assert_eq!(arrived.code, failure.code);
        assert_eq!(arrived.message, failure.message);
        assert_eq!(arrived.executed, failure.executed);
        assert_eq!(arrived.retryable, failure.retryable);
        assert_eq!(arrived.retry_after, failure.retry_after);
        assert_eq!(arrived.error_type, failure.error_type);
        assert_eq!(arrived.data, failure.data);
    }
}

pub(super) async fn every_field_of_a_notification_arrives(harness: Arc<dyn Harness>) {
    let (one, other) = two(&harness).await;
    let topic = unique("notifications");
    let subscription = Subscription::new(vec![topic.clone()]);
    let mut listener = consume(&other, Source::Notifications(subscription), 10).await;
    for &priority in Priority::ALL {
        let sent = NotificationMessage {
            priority,
            timestamp_ms: 1_790_000_000_123,
            context: context(),
            ..NotificationMessage::new("compute.höst", "instance.create.end", payload("event"))
        };
        let destination = Destination::Notification {
            exchange: crate::Target::DEFAULT_EXCHANGE.to_owned(),
            topic: topic.clone(),
            priority,
        };
        publish(&one, &destination, Message::from(sent.clone())).await.unwrap();
        let (message, acknowledger) = next(&mut listener).await.into_parts();
        acknowledger.ack().unwrap();
        let Ok(Message::Notification(arrived)) = message else {
            panic!("a notification was expected, this came: {message:?}");
        };
        assert_eq!(arrived.message_id, sent.message_id);
        assert_eq!(arrived.publisher_id, sent.publisher_id);
        assert_eq!(arrived.event_type, sent.event_type);
        assert_eq!(arrived.priority, sent.priority);
        assert_eq!(arrived.timestamp_ms, sent.timestamp_ms);
        assert_eq!(arrived.payload, sent.payload);
        assert_context(&arrived.context);
    }
}

pub(super) async fn a_body_over_the_limit_is_refused(harness: Arc<dyn Harness>) {
    let (one, _) = two(&harness).await;
    let target = topic();
    let mut server = serve(&one, &target, 1).await;
    let limit = one.capabilities().max_message_size;
    let with_body = |size| {
        let body = Payload::new(ContentType::Json, Bytes::from(vec![b'x'; size]));
        Request::new("large", body)
    };
    let error = send_request(&one, &target, with_body(limit + 1)).await.expect_err("it is too large");
    assert_eq!((error.code(), error.executed()), (Code::TooLarge, Executed::NotSent), "{error}");
    send_request(&one, &target, with_body(limit)).await.unwrap();
    assert_eq!(request_of(&next(&mut server).await).arguments.body.len(), limit);
}
