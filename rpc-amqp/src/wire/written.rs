//! Properties and headers, written as AMQP has them.
//!
//! A table of headers is a tree with two allocations for each entry, made to be written and thrown away. What is ours is
//! written at once, in AMQP's order, by one pass over the message.

use std::io::Write;
use std::ops::Range;
use std::time::Duration;

use amq_protocol::protocol::basic::parse_properties;
use lapin::BasicProperties;
use rpc_core::{Code, Error, Executed, Phase};

use super::age::is_as_good;
use super::headers::milliseconds;

/// Most messages take less.
const ROOM: usize = 448;
/// What stands before the properties in a frame, and behind them.
const AROUND: usize = 7 + 12 + 1;
/// Types of values.
const TEXT: u8 = b'S';
const NUMBER: u8 = b'l';

/// Properties and headers, as AMQP has them: flags, then what they stand for.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    octets: Vec<u8>,
    message_id: Range<usize>,
    /// The times in them, in milliseconds.
    expiration: Option<u64>,
    timeout: Option<u64>,
}

/// Writes properties. Each at most once, and in AMQP's order, which is that of its methods here.
#[derive(Debug)]
pub(super) struct Writer {
    written: Written,
    flags: u16,
}

impl Writer {
    pub(super) fn new() -> Self {
        let mut octets = Vec::with_capacity(ROOM);
        // For the flags.
        octets.extend_from_slice(&[0, 0]);
        Self { written: Written { octets, message_id: 0..0, expiration: None, timeout: None }, flags: 0 }
    }

    /// The words of our own here are short.
    pub(super) fn content_type(&mut self, text: &'static str) {
        self.flag(15);
        self.octets_of_short(text);
    }

    pub(super) fn content_encoding(&mut self, text: &'static str) {
        self.flag(14);
        self.octets_of_short(text);
    }

    /// The headers that `write` writes.
    pub(super) fn headers(&mut self, write: impl FnOnce(&mut Headers<'_>)) {
        self.flag(13);
        let start = self.written.octets.len();
        self.written.octets.extend_from_slice(&[0; 4]);
        write(&mut Headers { written: &mut self.written });
        let length = self.written.octets.len() - start - 4;
        // More than fits into a frame is refused before it is sent, so a wrong length is never read.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.written.octets[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn delivery_mode(&mut self, mode: u8) {
        self.flag(12);
        self.written.octets.push(mode);
    }

    /// # Errors
    ///
    /// [`Code::InvalidArguments`] above 255 bytes, as the next.
    pub(super) fn correlation_id(&mut self, text: &str) -> Result<(), Error> {
        self.short(10, "correlation id", text).map(drop)
    }

    pub(super) fn reply_to(&mut self, text: &str) -> Result<(), Error> {
        self.short(9, "reply address", text).map(drop)
    }

    pub(super) fn expiration(&mut self, time: Duration) {
        let time = milliseconds(time);
        self.written.expiration = Some(time);
        self.flag(8);
        let start = self.written.octets.len();
        self.written.octets.push(0);
        self.written.digits(time);
        // A number of 64 bits has 20 digits at most.
        self.written.octets[start] = (self.written.octets.len() - start - 1) as u8;
    }

    pub(super) fn message_id(&mut self, text: &str) -> Result<(), Error> {
        self.written.message_id = self.short(7, "message id", text)?;
        Ok(())
    }

    pub(super) fn timestamp(&mut self, seconds: u64) {
        self.flag(6);
        self.written.octets.extend_from_slice(&seconds.to_be_bytes());
    }

    pub(super) fn kind(&mut self, text: &'static str) {
        self.flag(5);
        self.octets_of_short(text);
    }

    pub(super) fn user_id(&mut self, text: &str) -> Result<(), Error> {
        self.short(4, "name of the user", text).map(drop)
    }

    pub(super) fn app_id(&mut self, text: &str) -> Result<(), Error> {
        self.short(3, "name of the server", text).map(drop)
    }

    pub(super) fn finish(self) -> Written {
        let Self { mut written, flags } = self;
        written.octets[..2].copy_from_slice(&flags.to_be_bytes());
        written
    }

    fn flag(&mut self, bit: u8) {
        debug_assert!(self.flags.trailing_zeros() > bit.into(), "in AMQP's order");
        self.flags |= 1 << bit;
    }

    fn short(&mut self, bit: u8, what: &str, text: &str) -> Result<Range<usize>, Error> {
        if text.len() > 255 {
            let message = format!("the {what} is longer than 255 bytes");
            return Err(Error::new(Code::InvalidArguments, message)
                .with_executed(Executed::NotSent)
                .with_phase(Phase::Publish));
        }
        self.flag(bit);
        self.octets_of_short(text);
        let end = self.written.octets.len();
        Ok(end - text.len()..end)
    }

    /// At most 255 bytes.
    fn octets_of_short(&mut self, text: &str) {
        self.written.octets.push(text.len() as u8);
        self.written.octets.extend_from_slice(text.as_bytes());
    }
}

/// Writes headers.
#[derive(Debug)]
pub(super) struct Headers<'a> {
    written: &'a mut Written,
}

impl Headers<'_> {
    /// Adds text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(&["", key], TEXT);
        self.long(|octets| octets.extend_from_slice(value.as_bytes()));
    }

    /// Adds text, if there is any.
    pub(super) fn maybe_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// Adds text under a key of two parts, which have 255 bytes together at most.
    pub(super) fn text_under(&mut self, keys: [&str; 2], value: &str) {
        self.key(&keys, TEXT);
        self.long(|octets| octets.extend_from_slice(value.as_bytes()));
    }

    /// Adds what `value` looks like.
    pub(super) fn shown(&mut self, key: &str, value: &impl std::fmt::Display) {
        self.key(&["", key], TEXT);
        // Nothing fails that writes to memory.
        self.long(|octets| drop(write!(octets, "{value}")));
    }

    /// Adds a whole number.
    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(&["", key], NUMBER);
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.written.octets.extend_from_slice(&value.to_be_bytes());
    }

    /// Adds a time in milliseconds, if there is one.
    pub(super) fn maybe_milliseconds(&mut self, key: &str, time: Option<Duration>) {
        if let Some(time) = time {
            self.number(key, milliseconds(time));
        }
    }

    /// Adds the time that is left, if there is an end.
    pub(super) fn maybe_timeout(&mut self, key: &str, time: Option<Duration>) {
        self.written.timeout = time.map(milliseconds);
        self.maybe_milliseconds(key, time);
    }

    /// Our own keys are short, and a metadata key has at most 64 bytes.
    fn key(&mut self, parts: &[&str; 2], kind: u8) {
        let octets = &mut self.written.octets;
        octets.push((parts[0].len() + parts[1].len()) as u8);
        octets.extend_from_slice(parts[0].as_bytes());
        octets.extend_from_slice(parts[1].as_bytes());
        octets.push(kind);
    }

    fn long(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let octets = &mut self.written.octets;
        let start = octets.len();
        octets.extend_from_slice(&[0; 4]);
        write(octets);
        let length = u32::try_from(octets.len() - start - 4).unwrap_or(u32::MAX);
        octets[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

impl Written {
    /// As they go into a content header.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn size(&self) -> usize {
        AROUND + self.octets.len()
    }

    pub(super) fn message_id(&self) -> &str {
        // It was text when it was written.
        std::str::from_utf8(&self.octets[self.message_id.clone()]).unwrap_or_default()
    }

    /// Whether the times in them are good enough after `time`.
    pub(super) fn is_as_good_after(&self, time: Duration) -> bool {
        is_as_good(self.expiration, self.timeout, time)
    }

    pub(super) fn table(&self) -> BasicProperties {
        // What is written here is what others read, as tests show.
        parse_properties(&self.octets[..]).map(|(_, table)| table).unwrap_or_default()
    }

    fn digits(&mut self, number: u64) {
        drop(write!(self.octets, "{number}"));
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::{AMQPValue, ShortString};

    use super::*;

    #[test]
    fn all_of_it_is_what_others_read() {
        let mut to = Writer::new();
        to.content_type("application/json");
        to.content_encoding("zstd");
        to.headers(|headers| {
            headers.text("text", "a");
            headers.text_under(["meta-", "key"], "b");
            headers.maybe_text("none", None);
            headers.shown("shown", &1.5);
            headers.number("number", u64::MAX);
            headers.maybe_milliseconds("time", Some(Duration::from_secs(1)));
            headers.maybe_timeout("timeout", Some(Duration::from_secs(2)));
        });
        to.delivery_mode(2);
        to.correlation_id("c").unwrap();
        to.reply_to("r").unwrap();
        to.expiration(Duration::from_secs(3));
        to.message_id("m").unwrap();
        to.timestamp(4);
        to.kind("request");
        to.user_id("u").unwrap();
        let written = to.finish();
        assert_eq!(written.message_id(), "m");
        let short = |text: &str| Some(ShortString::try_new(text).unwrap());
        let (rest, table) = parse_properties(written.octets()).unwrap();
        assert!(rest.is_empty());
        assert_eq!(
            [table.content_type(), table.content_encoding()],
            [&short("application/json"), &short("zstd")]
        );
        assert_eq!([table.correlation_id(), table.reply_to()], [&short("c"), &short("r")]);
        assert_eq!([table.expiration(), table.message_id()], [&short("3000"), &short("m")]);
        assert_eq!([table.kind(), table.user_id()], [&short("request"), &short("u")]);
        assert_eq!((*table.delivery_mode(), *table.timestamp()), (Some(2), Some(4)));
        let text = |text: &str| AMQPValue::LongString(text.into());
        let headers = table.headers().as_ref().unwrap().inner();
        let seen: Vec<_> = headers.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let expected = [
            ("meta-key", text("b")),
            ("number", AMQPValue::LongLongInt(i64::MAX)),
            ("shown", text("1.5")),
            ("text", text("a")),
            ("time", AMQPValue::LongLongInt(1_000)),
            ("timeout", AMQPValue::LongLongInt(2_000)),
        ];
        assert_eq!(seen, expected);
        assert!(written.is_as_good_after(Duration::from_millis(40)));
        assert!(!written.is_as_good_after(Duration::from_millis(41)), "a fiftieth of the shorter time");
        assert!(Writer::new().message_id(&"x".repeat(256)).is_err());
    }
}
