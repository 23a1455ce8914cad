//! What the headers of a dead letter say about it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::types::FieldTable;
use rpc_core::Code;

use super::headers::{Headers, number, own_text, text};
use super::words;

/// What the headers of a dead letter say about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rejection {
    pub(crate) code: Code,
    pub(crate) reason: String,
    /// The queue that it was rejected from.
    pub(crate) queue: String,
    pub(crate) at: Option<SystemTime>,
}

impl Rejection {
    /// Adds it to the headers of the message.
    pub(crate) fn write(&self, headers: Headers) -> Headers {
        let headers = headers
            .text(words::DEAD_LETTER_CODE, self.code.as_str())
            .text(words::DEAD_LETTER_REASON, &self.reason)
            .text(words::DEAD_LETTER_QUEUE, &self.queue);
        match self.at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
            Some(since) => headers
                .number(words::DEAD_LETTER_TIME_MS, u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            None => headers,
        }
    }

    /// Finds it in the headers of a message that anybody may have put there.
    pub(crate) fn read(headers: &FieldTable) -> Self {
        let code = text(headers, words::DEAD_LETTER_CODE).and_then(|code| code.parse().ok());
        let at = number(headers, words::DEAD_LETTER_TIME_MS).map(Duration::from_millis);
        Self {
            code: code.unwrap_or(Code::Malformed),
            reason: own_text(headers, words::DEAD_LETTER_REASON).unwrap_or_default(),
            queue: own_text(headers, words::DEAD_LETTER_QUEUE).unwrap_or_default(),
            at: at.and_then(|since| UNIX_EPOCH.checked_add(since)),
        }
    }
}

/// The headers of a message that is sent again as if it never had been: the flat ones, without what was said about its
/// rejection, its attempts, its time and its caller.
pub(crate) fn replay_headers(headers: &FieldTable) -> FieldTable {
    let gone = [
        words::DEAD_LETTER_CODE,
        words::DEAD_LETTER_REASON,
        words::DEAD_LETTER_QUEUE,
        words::DEAD_LETTER_TIME_MS,
        words::ATTEMPT,
        words::DELIVERY_COUNT,
        words::TIMEOUT_MS,
        words::CALL_MONITOR_MS,
    ];
    flat_without(headers, &gone)
}

/// The flat headers without what the queue has counted.
pub(crate) fn uncounted_headers(headers: &FieldTable) -> FieldTable {
    flat_without(headers, &[words::DELIVERY_COUNT])
}

fn flat_without(headers: &FieldTable, gone: &[&str]) -> FieldTable {
    let kept = headers.inner().iter().filter(|(key, _)| !gone.contains(&key.as_str()));
    kept.fold(Headers::default(), |headers, (key, value)| headers.keep_flat(key, value)).into_table()
}

/// How often a queue has given the message out before, if it counts.
pub(crate) fn delivery_count(headers: &FieldTable) -> u64 {
    number(headers, words::DELIVERY_COUNT).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use lapin::types::{AMQPValue, ShortString};

    use super::*;

    #[test]
    fn what_is_written_is_read_and_leaves_no_trace() {
        let rejection = Rejection {
            code: Code::ServiceError,
            reason: "no such table".to_owned(),
            queue: "rpc.default.t".to_owned(),
            at: Some(UNIX_EPOCH + Duration::from_millis(1_234_567)),
        };
        let message = || Headers::default().text("method", "m").text("meta-user", "ann");
        let counted = message().number("attempt", 4).number("timeout-ms", 50).number("x-delivery-count", 2);
        let counted = counted.number("call-monitor-ms", 10);
        let dead = rejection.write(counted).into_table();
        assert_eq!((Rejection::read(&dead), delivery_count(&dead)), (rejection, 2));
        assert_eq!(replay_headers(&dead), message().into_table());
    }

    #[test]
    fn what_a_stranger_wrote_is_read_as_far_as_it_goes() {
        let unknown =
            Rejection { code: Code::Malformed, reason: String::new(), queue: String::new(), at: None };
        assert_eq!(Rejection::read(&FieldTable::default()), unknown);
        let mut headers = Headers::default()
            .text("dead-letter-code", "no code of ours")
            .number("dead-letter-time-ms", u64::MAX)
            .into_table();
        headers.insert(ShortString::try_new("dead-letter-queue").unwrap(), AMQPValue::Void);
        assert_eq!(Rejection { at: None, ..Rejection::read(&headers) }, unknown);
    }
}
