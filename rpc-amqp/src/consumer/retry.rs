//! A message on its way to the end of its queue, counted.

use super::copy::copy;
use super::settler::Original;
use crate::publisher::Outgoing;
use crate::topology::{PlannedQueue, Route};
use crate::wire::attempt_headers;

/// The message as it came, as `attempt`, straight to its queue: nobody else who is bound to its exchange may get it
/// twice. It lives as long as what was left of it allows, and survives what the original survives.
pub(super) fn outgoing(original: Original, queue: &PlannedQueue, attempt: u32) -> Outgoing {
    let Original { properties, body, received, .. } = original;
    let mut copied = copy(&properties).with_headers(attempt_headers(properties.headers().as_ref(), attempt));
    if let Some(expiration) = properties.expiration() {
        copied = copied.with_expiration(expiration.clone());
    }
    if let Some(mode) = properties.delivery_mode() {
        copied = copied.with_delivery_mode(*mode);
    }
    if let Some(priority) = properties.priority() {
        copied = copied.with_priority(*priority);
    }
    Outgoing {
        is_awaited: copied.correlation_id().is_some(),
        since: received,
        ..Outgoing::new(Route::straight_to(&queue.name), copied, body)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lapin::BasicProperties;
    use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
    use tokio::time::Instant;

    use super::*;

    fn short(text: &str) -> ShortString {
        ShortString::try_new(text).unwrap()
    }

    #[test]
    fn all_but_the_count_and_the_user_stays() {
        let mut headers = FieldTable::default();
        headers.insert(short("method"), AMQPValue::LongString(LongString::from("m")));
        headers.insert(short("attempt"), AMQPValue::LongLongInt(2));
        headers.insert(short("x-delivery-count"), AMQPValue::LongLongInt(7));
        headers.insert(short("x-death"), AMQPValue::FieldArray(Vec::new().into()));
        let kept = BasicProperties::default()
            .with_type(short("request"))
            .with_content_type(short("application/json"))
            .with_content_encoding(short("zstd"))
            .with_message_id(short("m-1"))
            .with_correlation_id(short("c-1"))
            .with_reply_to(short("reply.a.b"))
            .with_expiration(short("5000"))
            .with_delivery_mode(2)
            .with_priority(3)
            .with_timestamp(7)
            .with_app_id(short("app"));
        let properties = kept.clone().with_user_id(short("ann")).with_headers(headers);
        let (body, received) = (Bytes::from_static(b"body"), Instant::now());
        let queue = PlannedQueue::new("rpc.default.t".to_owned(), "default", "t");
        let original = Original { properties, body: body.clone(), queue: 0, read: None, received };
        let again = outgoing(original, &queue, 3);
        assert_eq!((again.route.exchange.as_str(), again.route.key.as_str()), ("", "rpc.default.t"));
        assert!(again.route.mandatory, "a queue that is gone is noticed");
        assert_eq!((again.body, again.since), (body, received));
        let mut headers = FieldTable::default();
        headers.insert(short("method"), AMQPValue::LongString(LongString::from("m")));
        headers.insert(short("attempt"), AMQPValue::LongLongInt(3));
        assert_eq!(again.properties.table(), kept.with_headers(headers));
    }
}
