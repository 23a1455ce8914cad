//! Who waits for an answer to a message that cannot be read.
//!
//! Such a message is too large, or is no JSON somewhere; so it is not parsed, but walked over once, without keeping anything
//! of it. What is found is what stands at the top of the message, never what its arguments or its result hold.

use rpc_core::message::Malformed;
use rpc_core::{CorrelationId, ReplyAddress};

use super::{address, words};

/// The longest id and name of a queue, in bytes.
const LONGEST: usize = 255;
/// A larger body is not walked over: it would keep its thread for longer than a message that is read.
const MOST: usize = 32 * 1_024 * 1_024;

/// `malformed`, with whoever waits for what `body` should have been: its sender, or the call that it answers.
pub(super) fn told(malformed: Malformed, body: &[u8]) -> Malformed {
    let Ids { correlation_id, reply_queue } = find(body);
    let Some(correlation_id) = correlation_id else { return malformed };
    match reply_queue {
        Some(ReplyQueue::Of(address)) => malformed.with_reply_to(Some((address, correlation_id))),
        Some(ReplyQueue::Refused) => malformed,
        None => malformed.with_answers(Some(correlation_id)),
    }
}

#[derive(Debug, Default, Eq, PartialEq)]
struct Ids {
    correlation_id: Option<CorrelationId>,
    /// Only a request has one.
    reply_queue: Option<ReplyQueue>,
}

#[derive(Debug, Eq, PartialEq)]
enum ReplyQueue {
    Of(ReplyAddress),
    Refused,
}

fn find(body: &[u8]) -> Ids {
    let (mut ids, mut walk) = (Ids::default(), Walk::default());
    for (position, &byte) in body.iter().take(MOST).enumerate() {
        match walk.pass(byte) {
            Passed::Opens if walk.key == words::MESSAGE.as_bytes() => {
                // In an envelope: the rest is the message as text.
                let mut walk = Walk::default();
                for byte in (Unescaped { text: &body[position + 1..] }).take(MOST) {
                    if walk.pass(byte) == Passed::Text {
                        ids.take(&walk);
                    }
                }
                return ids;
            }
            Passed::Text => ids.take(&walk),
            Passed::Opens | Passed::Nothing => {}
        }
    }
    ids
}

impl Ids {
    fn take(&mut self, walk: &Walk) {
        let Ok(text) = std::str::from_utf8(&walk.text) else { return };
        if walk.key == words::CORRELATION_ID.as_bytes() {
            self.correlation_id = CorrelationId::parse(text);
        } else if walk.key == words::REPLY_QUEUE.as_bytes() {
            self.reply_queue = Some(address::parse(text).map_or(ReplyQueue::Refused, ReplyQueue::Of));
        }
    }
}

/// A walk over JSON that knows where it is, and nothing else.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// Whether a value comes next at the top, and not a key.
    is_value: bool,
    is_in_text: bool,
    is_escaped: bool,
    /// The text that is walked over or was last, in its first bytes.
    text: Vec<u8>,
    /// The key at the top.
    key: Vec<u8>,
}

#[derive(Debug, Eq, PartialEq)]
enum Passed {
    Nothing,
    /// At the top a value begins that is text.
    Opens,
    /// At the top a value has ended that is text.
    Text,
}

impl Walk {
    fn pass(&mut self, byte: u8) -> Passed {
        if self.is_in_text {
            return self.pass_in_text(byte);
        }
        match byte {
            b'"' => {
                self.is_in_text = true;
                self.text.clear();
                if self.depth == 1 && self.is_value {
                    return Passed::Opens;
                }
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => self.is_value = true,
            b',' if self.depth == 1 => self.is_value = false,
            _ => {}
        }
        Passed::Nothing
    }

    fn pass_in_text(&mut self, byte: u8) -> Passed {
        if byte != b'"' || self.is_escaped {
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            // One more than is allowed, so that what is cut is not taken for whole.
            if self.text.len() <= LONGEST {
                self.text.push(byte);
            }
            return Passed::Nothing;
        }
        self.is_in_text = false;
        if self.depth != 1 {
            return Passed::Nothing;
        }
        if self.is_value {
            return Passed::Text;
        }
        std::mem::swap(&mut self.key, &mut self.text);
        Passed::Nothing
    }
}

/// What JSON as text says, up to its end. Of what is escaped only quotes and backslashes matter to a walk.
struct Unescaped<'a> {
    text: &'a [u8],
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.text {
            [] | [b'"', ..] => return None,
            [b'\\', escaped @ (b'"' | b'\\'), rest @ ..] => (*escaped, rest),
            [b'\\', b'u', _, _, _, _, rest @ ..] | [b'\\', _, rest @ ..] => (b' ', rest),
            [byte, rest @ ..] => (*byte, rest),
        };
        self.text = rest;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ADDRESS: &str = "reply_5f0a6b6f2c9e4d56b5c7f4f7e1d2a3b4";
    const ID: &str = "7c0e7c9d1f5b4c0c9a1ad3b3f6f2f7d1";

    fn sealed(message: &str) -> String {
        json!({ "oslo.version": "2.0", "oslo.message": message }).to_string()
    }

    fn of_request() -> Ids {
        let address = ReplyAddress::checked_by_transport(ADDRESS);
        Ids { correlation_id: CorrelationId::parse(ID), reply_queue: Some(ReplyQueue::Of(address)) }
    }

    #[test]
    fn what_stands_at_the_top_is_found_wherever_the_rest_breaks() {
        let whole = json!({
            "args": { "_msg_id": "nested", "text": "\"_msg_id\": \"quoted\", \\", "list": [{ "_reply_q": "x" }] },
            "_msg_id": ID, "_reply_q": ADDRESS, "_timeout": null,
        })
        .to_string();
        for body in [&whole, &sealed(&whole)] {
            assert_eq!(find(body.as_bytes()), of_request(), "{body}");
        }
        // In the order in which Python writes them, and broken before or behind them.
        let args = r#"{"args": {"a": nonsense, "b": [}, "c": "\q\ud800"#;
        for args in [format!(r#"{args}"}}"#), r#"{"args": 5"#.to_owned()] {
            let broken = format!(r#"{args}, "_msg_id": "{ID}", "_reply_q": "{ADDRESS}", "x": {{"y"#);
            assert_eq!(find(broken.as_bytes()), of_request(), "{broken}");
            assert_eq!(find(sealed(&broken).as_bytes()), of_request(), "{broken}");
        }
        assert_eq!(find(&[sealed(&whole).as_bytes(), b"\xff\xff"].concat()), of_request());
    }

    #[test]
    fn what_stands_elsewhere_is_not_found() {
        let nested = json!({ "args": { "_msg_id": ID, "_reply_q": ADDRESS }, "text": format!("\"_msg_id\": \"{ID}\"") });
        for body in [nested.to_string(), sealed(&nested.to_string()), json!([{ "_msg_id": ID }]).to_string()]
        {
            assert_eq!(find(body.as_bytes()), Ids::default(), "{body}");
        }
        let long = format!(r#"{{"_msg_id": "{}", "_reply_q": 5}}"#, "7".repeat(300));
        assert_eq!(find(long.as_bytes()), Ids::default());
    }

    #[test]
    fn a_sender_is_told_or_the_call_that_waits() {
        let told = |message: &str| told(Malformed::new("broken"), sealed(message).as_bytes());
        let request = told(&format!(r#"{{"_msg_id": "{ID}", "_reply_q": "{ADDRESS}""#));
        assert!(request.reply_to.is_some() && request.answers.is_none());
        let reply = told(&format!(r#"{{"result": nonsense, "_msg_id": "{ID}""#));
        assert_eq!((reply.reply_to, reply.answers), (None, CorrelationId::parse(ID)));
        let refused = told(&format!(r#"{{"_msg_id": "{ID}", "_reply_q": "conductor""#));
        assert!(refused.reply_to.is_none() && refused.answers.is_none());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'{')], 0..80)) {
            find(&body);
            let text = [br#"{"oslo.message": ""#, body.as_slice()].concat();
            find(&text);
        }

        #[test]
        fn arguments_of_any_shape_are_passed(text in "[\\PC\"\\\\{}\\[\\]:,]{0,40}", key in "[\\PC\"\\\\]{0,10}") {
            let args = json!({ "a": [&text, { key: &text }] });
            let message = format!(r#"{{"args": {args}, "_msg_id": "{ID}", "_reply_q": "{ADDRESS}"}}"#);
            prop_assert_eq!(find(sealed(&message).as_bytes()), of_request());
        }
    }
}
