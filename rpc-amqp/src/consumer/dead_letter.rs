//! What a rejected message looks like in the dead-letter queue.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

use std::time::SystemTime;

use rpc_core::{Code, Error};

use super::copy::copy;
use super::settler::Original;
use crate::publisher::Outgoing;
use crate::settings::QueueType;
use crate::topology::{PlannedQueue, dead_letters};
use crate::wire::{Headers, Rejection, header_size};

const PERSISTENT: u8 = 2;
/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 1_024;
/// Headers of a stranger that take more are left out: a message that cannot be published cannot be put away.
const MOST_HEADERS: usize = 32 * 1_024;

/// The message as it came, with why it was rejected, on its way to the dead letters of its topic. Not its expiry, since
/// a dead letter is kept.
pub(super) fn outgoing(
    original: Original,
    queue: &PlannedQueue,
    code: Code,
    reason: &str,
    queue_type: QueueType,
) -> Result<Outgoing, Error> {
    let Original { properties, body, .. } = original;
    let rejection = Rejection {
        code,
        reason: cut(reason).to_owned(),
        queue: queue.name.clone(),
        at: Some(SystemTime::now()),
    };
    let with = |headers: Headers| {
        let headers = rejection.write(headers).into_table();
        copy(&properties).with_delivery_mode(PERSISTENT).with_headers(headers)
    };
    let mut dead = with(Headers::flat(properties.headers().as_ref()));
    if header_size(&dead) > MOST_HEADERS {
        dead = with(Headers::default());
    }
    Ok(Outgoing::new(dead_letters(&queue.exchange, &queue.topic, queue_type)?, dead, body))
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
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

    fn dead(headers: FieldTable, reason: &str) -> Outgoing {
        let properties = BasicProperties::default()
            .with_type(short("request"))
            .with_message_id(short("m-1"))
            .with_expiration(short("5"))
            .with_user_id(short("ann"))
            .with_headers(headers);
        let (body, received) = (Bytes::from_static(b"body"), Instant::now());
        let original = Original { properties, body, queue: 0, read: None, received };
        let queue = PlannedQueue::new("rpc.default.t".to_owned(), "default", "t");
        outgoing(original, &queue, Code::Malformed, reason, QueueType::Classic).unwrap()
    }

    #[test]
    fn it_keeps_what_describes_it_and_says_why() {
        let mut headers = FieldTable::default();
        headers.insert(short("method"), AMQPValue::LongString(LongString::from("m")));
        headers.insert(short("x-death"), AMQPValue::FieldArray(Vec::new().into()));
        let dead = dead(headers, &"é".repeat(1_000));
        assert_eq!((dead.route.exchange.as_str(), dead.route.key.as_str()), ("dlx.default", "t"));
        assert_eq!(dead.properties.table().message_id(), &Some(short("m-1")));
        assert_eq!((dead.properties.table().expiration(), dead.properties.table().user_id()), (&None, &None));
        let table = dead.properties.table();
        let headers = table.headers().as_ref().unwrap().inner();
        let keys: Vec<_> = headers.keys().map(|key| key.as_str()).collect();
        let words = ["dead-letter-code", "dead-letter-queue", "dead-letter-reason", "dead-letter-time-ms"];
        assert_eq!(keys, [&words[..], &["method"]].concat());
        assert!(matches!(&headers["dead-letter-reason"], AMQPValue::LongString(text) if text.len() == 1_024));
    }

    #[test]
    fn headers_that_do_not_fit_are_left_out() {
        let mut headers = FieldTable::default();
        headers.insert(short("big"), AMQPValue::LongString(LongString::from("x".repeat(40_000))));
        let dead = dead(headers, "why");
        assert_eq!(dead.properties.table().headers().as_ref().unwrap().inner().len(), 4);
    }
}
