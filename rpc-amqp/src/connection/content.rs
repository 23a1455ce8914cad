//! Messages put together from their frames.

use amq_protocol::frame::AMQPContentHeader;
use amq_protocol::protocol::basic::AMQPProperties;
use bytes::Bytes;

use super::inbox::unreadable;
use super::message::{Delivery, Returned};

/// Room for a body is made at once up to this size; a larger one has to come first.
const AT_ONCE: usize = 1_024 * 1_024;

/// What a message is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum What {
    /// For the consumer of this place.
    Delivery {
        consumer: Option<usize>,
        tag: u64,
        redelivered: bool,
    },
    /// The answer to whoever asked for one.
    Got {
        tag: u64,
        redelivered: bool,
    },
    Returned {
        exchange: String,
        key: String,
    },
}

/// A message that has begun.
#[derive(Debug)]
pub(super) struct Content {
    what: What,
    properties: Option<AMQPProperties>,
    body: Vec<u8>,
    /// Octets that are missing, once the header is there.
    missing: u64,
}

/// A message that is whole.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Delivery(Option<usize>, Delivery),
    Got(Delivery),
    Returned(Returned),
}

impl Content {
    pub(super) const fn new(what: What) -> Self {
        Self { what, properties: None, body: Vec::new(), missing: 0 }
    }

    /// Takes the header in; says whether the message is whole.
    pub(super) fn header(&mut self, header: AMQPContentHeader) -> lapin::Result<bool> {
        if self.properties.is_some() {
            return Err(unreadable("a message has two headers"));
        }
        let AMQPContentHeader { body_size, properties, .. } = header;
        self.properties = Some(properties);
        self.missing = body_size;
        self.body.reserve_exact(usize::try_from(body_size).map_or(AT_ONCE, |size| size.min(AT_ONCE)));
        Ok(body_size == 0)
    }

    /// Takes a part of the body in; says whether the message is whole.
    pub(super) fn body(&mut self, part: &[u8]) -> lapin::Result<bool> {
        let missing = self.missing.checked_sub(part.len() as u64).filter(|_| self.properties.is_some());
        self.missing = missing.ok_or_else(|| unreadable("a message is longer than it says"))?;
        self.body.extend_from_slice(part);
        Ok(self.missing == 0)
    }

    pub(super) fn finish(self) -> Message {
        let (properties, body) = (self.properties.unwrap_or_default(), Bytes::from(self.body));
        match self.what {
            What::Delivery { consumer, tag, redelivered } => {
                Message::Delivery(consumer, Delivery { tag, redelivered, properties, body })
            }
            What::Got { tag, redelivered } => Message::Got(Delivery { tag, redelivered, properties, body }),
            What::Returned { exchange, key } => {
                Message::Returned(Returned { exchange, key, properties, body })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content::new(What::Got { tag: 1, redelivered: false })
    }

    fn header(body_size: u64) -> AMQPContentHeader {
        AMQPContentHeader { class_id: 60, body_size, properties: AMQPProperties::default() }
    }

    #[test]
    fn a_body_comes_in_parts() {
        let mut content = content();
        assert!(!content.header(header(5)).unwrap());
        assert!(!content.body(b"ab").unwrap() && content.body(b"cde").unwrap());
        let Message::Got(delivery) = content.finish() else { panic!("it is what was asked for") };
        assert_eq!(&delivery.body[..], b"abcde");
        assert!(self::content().header(header(0)).unwrap(), "without a body there is nothing to wait for");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(content().body(b"a").is_err(), "no header");
        let mut content = content();
        // Room is made as it comes.
        assert!(!content.header(header(u64::MAX)).unwrap() && content.body.capacity() <= AT_ONCE);
        assert!(content.header(header(1)).is_err());
        let mut content = self::content();
        assert!(!content.header(header(2)).unwrap() && content.body(b"abc").is_err());
    }
}
