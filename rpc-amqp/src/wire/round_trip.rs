//! What was written is read again, and what is wrong is named.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use proptest::option;
use proptest::prelude::*;
use rpc_core::message::{Failure, Malformed, Message, NotificationMessage, Outcome, Reply, Request};
use rpc_core::{
    Code, ContentEncoding, ContentType, Context, CorrelationId, Deadline, Executed, MessageId, Payload,
    Priority, ReplyAddress, RequestId, TraceContext, Version,
};

use super::{Arrived, Exceptions, decode, encode};
use crate::settings::Wire;

const LIMIT: usize = 1_000;

fn read(properties: &BasicProperties, body: Bytes) -> Result<Message, Malformed> {
    decode(Arrived { properties, body, redelivered: false }, LIMIT)
}

fn again(message: Message) -> Message {
    let (properties, body) = encode(message, Wire::Native, &Exceptions::default()).unwrap();
    read(&properties, body).unwrap()
}

fn id() -> impl Strategy<Value = String> {
    "[ -~]{1,40}"
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let content_type = prop_oneof![Just(ContentType::MessagePack), Just(ContentType::Json)];
    (content_type, option::of(Just(ContentEncoding::Zstd)), prop::collection::vec(any::<u8>(), 0..50))
        .prop_map(|(content_type, encoding, body)| {
            Payload::new(content_type, Bytes::from(body)).with_content_encoding(encoding)
        })
}

fn any_context() -> impl Strategy<Value = Context> {
    let pairs = prop::collection::btree_map("[a-z0-9_.-]{1,64}", "\\PC{0,30}", 0..5);
    (id(), option::of(1_u64..100_000), 1_u32..9, option::of(id()), option::of(id()), pairs).prop_map(
        |(request_id, timeout, attempt, key, trace, pairs)| {
            let mut context = Context::with_request_id(RequestId::parse(&request_id).unwrap());
            context.deadline = timeout.map(|seconds| Deadline::after(Duration::from_secs(seconds)));
            context.attempt = attempt;
            context.idempotency_key = key;
            context.trace = TraceContext::from_headers(trace.clone(), None, trace);
            for (key, value) in pairs {
                context.metadata.insert(key, value).unwrap();
            }
            context
        },
    )
}

fn any_code() -> impl Strategy<Value = Code> {
    (0..Code::ALL.len()).prop_map(|index| Code::ALL[index])
}

fn same_context(read: &Context, written: &Context, message_id: &MessageId) {
    assert_eq!(read.request_id, written.request_id);
    assert_eq!(read.message_id.as_ref(), Some(message_id));
    assert_eq!(read.attempt, written.attempt);
    assert_eq!(read.idempotency_key, written.idempotency_key);
    assert_eq!(read.trace, written.trace);
    assert_eq!(read.metadata, written.metadata);
    let seconds = |context: &Context| context.deadline.map(|deadline| deadline.remaining().as_secs() / 10);
    // The clock runs between writing and reading.
    let (read, written) = (seconds(read), seconds(written));
    assert!(read == written || read.zip(written).is_some_and(|(read, written)| written.abs_diff(read) <= 1));
}

proptest! {
    #[test]
    fn requests(
        payload in any_payload(), context in any_context(), method in id(), namespace in option::of(id()),
        (major, minor) in any::<(u32, u32)>(), correlation in option::of(id()), durable: bool,
        ttl in option::of(1_u64..1_000_000), monitor in option::of(1_u64..1_000_000), progress: bool,
    ) {
        let mut request = Request::new(method, payload);
        request.namespace = namespace.map(Into::into);
        request.version = Version::new(major, minor);
        request.reply_to =
            correlation.map(|id| (ReplyAddress::random("svc"), CorrelationId::parse(&id).unwrap()));
        request.durable = durable;
        request.accept_encoding = durable.then_some(ContentEncoding::Zstd);
        request.time_to_live = ttl.map(Duration::from_millis);
        request.call_monitor = monitor.map(Duration::from_millis);
        request.progress = progress;
        request.context = context;
        if request.context.deadline.is_none() {
            // Without a timeout the broker's expiry is taken for one.
            request.time_to_live = None;
        }
        let written = request.clone();
        let Message::Request(read) = again(Message::from(request)) else { panic!("another kind") };
        prop_assert_eq!(&read.message_id, &written.message_id);
        prop_assert_eq!(&read.reply_to, &written.reply_to);
        prop_assert_eq!(&read.namespace, &written.namespace);
        prop_assert_eq!(read.version, written.version);
        prop_assert_eq!(&read.method, &written.method);
        prop_assert_eq!(&read.arguments, &written.arguments);
        prop_assert_eq!(read.durable, written.durable);
        prop_assert_eq!(read.accept_encoding, written.accept_encoding);
        prop_assert_eq!(read.time_to_live, written.time_to_live);
        prop_assert_eq!(read.call_monitor, written.call_monitor);
        prop_assert_eq!(read.progress, written.progress);
        same_context(&read.context, &written.context, &written.message_id);
    }

    #[test]
    fn replies(
        payload in any_payload(), correlation in id(), server in option::of(id()), failed: bool,
        code in any_code(), text in "\\PC{0,40}", retryable: bool, after in option::of(1_u64..100_000),
        error_type in option::of(id()), ending: bool, is_progress: bool,
    ) {
        let status = if failed {
            let mut failure = Failure::new(code, text);
            failure.executed = Executed::Unknown;
            failure.retryable = retryable;
            failure.retry_after = after.map(Duration::from_millis);
            failure.error_type = error_type.map(Into::into);
            failure.data = payload;
            Outcome::Failure(failure)
        } else {
            Outcome::Success(payload)
        };
        let mut reply = Reply::new(CorrelationId::parse(&correlation).unwrap(), status);
        reply.server = server.map(Into::into);
        // A failure is always the last.
        reply.ending = failed || ending;
        reply.is_progress = !reply.ending && is_progress;
        let written = reply.clone();
        let Message::Reply(read) = again(Message::from(reply)) else { panic!("another kind") };
        prop_assert_eq!(format!("{read:?}"), format!("{written:?}"));
        prop_assert_eq!(read.payload(), written.payload());
    }

    #[test]
    fn notifications(payload in any_payload(), context in any_context(), kind in id(), publisher in id(),
        priority in 0_usize..7, timestamp in 0_u64..10_000_000_000_000)
    {
        let mut notification = NotificationMessage::new(publisher, kind, payload);
        notification.priority = Priority::ALL[priority];
        notification.timestamp_ms = timestamp;
        notification.context = context;
        let written = notification.clone();
        let Message::Notification(read) = again(Message::from(notification)) else {
            panic!("another kind")
        };
        prop_assert_eq!(&read.message_id, &written.message_id);
        prop_assert_eq!(&read.publisher_id, &written.publisher_id);
        prop_assert_eq!(&read.event_type, &written.event_type);
        prop_assert_eq!(read.priority, written.priority);
        prop_assert_eq!(read.timestamp_ms, written.timestamp_ms);
        prop_assert_eq!(&read.payload, &written.payload);
        same_context(&read.context, &written.context, &written.message_id);
    }

    #[test]
    fn no_header_panics(key in "method|version|timeout-ms|attempt|meta-a|priority|status", value in any_value(),
        kind in "request|reply|notification|x")
    {
        let mut headers = FieldTable::default();
        headers.insert(short("method"), AMQPValue::LongString(LongString::from("m")));
        headers.insert(short(&key), value);
        let properties = BasicProperties::default().with_type(short(&kind)).with_headers(headers);
        let _ = read(&properties, Bytes::new());
    }
}

fn any_value() -> impl Strategy<Value = AMQPValue> {
    prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<Vec<u8>>().prop_map(|bytes| AMQPValue::LongString(LongString::from(bytes))),
        Just(AMQPValue::Void),
    ]
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap()
}

fn plain(headers: &[(&str, &str)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (key, value) in headers {
        table.insert(short(key), AMQPValue::ShortString(short(value)));
    }
    BasicProperties::default().with_type(short("request")).with_headers(table)
}

fn request(properties: &BasicProperties) -> Request {
    match read(properties, Bytes::new()).unwrap() {
        Message::Request(request) => Arc::unwrap_or_clone(request),
        other => panic!("{other:?}"),
    }
}

fn malformed(properties: &BasicProperties) -> Malformed {
    read(properties, Bytes::new()).unwrap_err()
}

#[test]
fn a_bare_request_has_defaults() {
    let request = request(&plain(&[("method", "ping")]));
    assert_eq!((request.version, request.context.attempt), (Version::DEFAULT, 1));
    assert_eq!(request.arguments.content_type, ContentType::MessagePack);
    assert!(request.context.deadline.is_none() && request.reply_to.is_none() && request.namespace.is_none());
}

#[test]
fn the_brokers_expiry_is_a_deadline_for_those_who_give_no_other() {
    let request = request(&plain(&[("method", "ping")]).with_expiration(short("5000")));
    let remaining = request.context.deadline.unwrap().remaining();
    assert!(remaining > Duration::from_secs(4) && remaining <= Duration::from_secs(5));
}

#[test]
fn a_call_monitor_is_a_time_or_none() {
    let monitor = |time: &str| request(&plain(&[("method", "m"), ("call-monitor-ms", time)])).call_monitor;
    assert_eq!(monitor("1500"), Some(Duration::from_millis(1_500)));
    assert_eq!(monitor("18446744073709551615"), Some(Deadline::LONGEST));
    for none in ["0", "-5", "soon", "", "1.5"] {
        assert_eq!(monitor(none), None, "{none:?}");
    }
}

#[test]
fn a_sign_of_life_is_a_reply_that_is_running() {
    let correlation_id = CorrelationId::parse("c-1").unwrap();
    let running = Message::from(Reply::running(correlation_id));
    let (properties, body) = encode(running, Wire::Native, &Exceptions::default()).unwrap();
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers["status"], AMQPValue::LongString(LongString::from("running")));
    assert!(headers.len() == 1 && body.is_empty(), "{headers:?}");
    let Ok(Message::Reply(read)) = read(&properties, body) else { panic!("no reply") };
    assert!(!read.ending && read.payload().body.is_empty());
}

#[test]
fn deliveries_count_on_from_the_attempt_that_was_sent() {
    let attempt = |headers: &[(&str, &str)], redelivered| {
        let properties = plain(&[&[("method", "ping")], headers].concat());
        let arrived = Arrived { properties: &properties, body: Bytes::new(), redelivered };
        let Message::Request(request) = decode(arrived, LIMIT).unwrap() else { panic!("another kind") };
        request.context.attempt
    };
    assert_eq!(attempt(&[], false), 1);
    assert_eq!(attempt(&[("attempt", "3")], false), 3);
    // A classic queue says that there was an earlier delivery, a quorum queue how many there were.
    assert_eq!(attempt(&[], true), 2);
    assert_eq!(attempt(&[("attempt", "3")], true), 4);
    assert_eq!(attempt(&[("x-delivery-count", "4")], true), 5);
    assert_eq!(attempt(&[("attempt", "3"), ("x-delivery-count", "4")], true), 7);
    assert_eq!(attempt(&[("attempt", "0")], false), 1);
    assert_eq!(attempt(&[("attempt", "18446744073709551615"), ("x-delivery-count", "9")], true), u32::MAX);
}

#[test]
fn what_is_wrong_is_named_to_whoever_can_be_told() {
    let address = ReplyAddress::random("svc");
    let told = |properties: BasicProperties| {
        let malformed =
            malformed(&properties.with_reply_to(short(address.as_str())).with_message_id(short("m-1")));
        let (to, correlation) = malformed.reply_to.clone().expect("nobody is told");
        assert_eq!((to, correlation.as_str()), (address.clone(), "m-1"));
        malformed.reason
    };
    assert!(told(plain(&[])).contains("method"));
    assert!(told(BasicProperties::default()).contains("request, reply or notification"));
    assert!(told(plain(&[("method", "m"), ("version", "one")])).contains("one"));
    let wrong = plain(&[("method", "m")]).with_content_type(short("text/xml"));
    assert!(told(wrong).contains("application/json"));
    let wrong = plain(&[("method", "m")]).with_content_encoding(short("br"));
    assert!(told(wrong).contains("zstd"));
}

#[test]
fn hostile_reply_addresses_are_never_used() {
    let with = |address: &str| plain(&[("method", "m")]).with_reply_to(short(address));
    for address in ["rpc.default.conductor", "amq.rabbitmq.reply-to", "reply.x.1"] {
        let malformed = malformed(&with(address).with_correlation_id(short("c")));
        assert!(malformed.reply_to.is_none() && malformed.reason.contains("refused"), "{address}");
    }
    let direct =
        with("amq.rabbitmq.reply-to.g1h2AA9yZXBseUAxMDU0MzI0MDQAAAW8AAAAAGsCucQ=.AQrI+OaNXhDdGHQ3MM+l5g==")
            .with_correlation_id(short("c"));
    assert!(request(&direct).reply_to.is_some());
}

#[test]
fn ids_and_addresses_have_to_fit_together() {
    assert!(malformed(&plain(&[("method", "m")]).with_correlation_id(short("c"))).reason.contains("without"));
    let address = ReplyAddress::random("svc");
    let lonely = plain(&[("method", "m")]).with_reply_to(short(address.as_str()));
    assert!(malformed(&lonely).reply_to.is_none());
}

#[test]
fn a_body_above_the_limit_is_too_large() {
    let body = Bytes::from(vec![0; LIMIT + 1]);
    assert_eq!(read(&plain(&[("method", "m")]), body).unwrap_err().code, Code::TooLarge);
}

#[test]
fn a_wrong_reply_names_the_call_that_waits_for_it() {
    let wrong = BasicProperties::default().with_type(short("reply")).with_correlation_id(short("c-1"));
    assert_eq!(malformed(&wrong).answers, CorrelationId::parse("c-1"));
    let large = read(&wrong, Bytes::from(vec![0; LIMIT + 1])).unwrap_err();
    assert_eq!((large.code, large.answers), (Code::TooLarge, CorrelationId::parse("c-1")));
}

#[test]
fn metadata_beyond_the_limits_is_dropped() {
    let long = format!("meta-{}", "k".repeat(65));
    let request = request(&plain(&[("method", "m"), ("meta-user", "ann"), ("meta-USER", "x"), (&long, "x")]));
    let pairs: Vec<_> = request.context.metadata.iter().collect();
    assert_eq!(pairs, [("user", "ann")]);
}
