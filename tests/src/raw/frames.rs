//! AMQP frames written by hand, for what no client library would send: deep tables and text that is not UTF-8.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::LIMIT;

pub(crate) const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_END: u8 = 0xce;

const CHANNEL_CLOSE: (u16, u16) = (20, 40);
const BASIC_ACK: (u16, u16) = (60, 80);

/// Properties of a message as bytes: the flags that say which there are, and their values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Properties {
    flags: u16,
    values: Vec<u8>,
}

/// A connection as user `guest` that blocks, with one channel in confirm mode.
#[derive(Debug)]
pub struct Frames {
    stream: TcpStream,
}

impl Properties {
    /// Only headers: a table in a table, `depth` times.
    #[must_use]
    pub fn nested_headers(depth: usize) -> Self {
        let table = (0..depth).fold(Vec::new(), |inner, _| [&short(b"a")[..], b"F", &long(&inner)].concat());
        Self { flags: 1 << 13, values: long(&table) }
    }

    /// Only headers: a table with an array in an array, `depth` times.
    #[must_use]
    pub fn nested_arrays(depth: usize) -> Self {
        let array = (0..depth).fold(Vec::new(), |inner, _| [&b"A"[..], &long(&inner)].concat());
        Self { flags: 1 << 13, values: long(&[&short(b"a")[..], &array].concat()) }
    }

    /// Only a header `CC`, by which RabbitMQ puts the message into `queue` whatever its routing key is.
    #[must_use]
    pub fn copied_to(queue: &str) -> Self {
        let queues = long(&[&b"S"[..], &long(queue.as_bytes())].concat());
        Self { flags: 1 << 13, values: long(&[&short(b"CC")[..], b"A", &queues].concat()) }
    }

    /// Only a content type, of these bytes.
    #[must_use]
    pub fn content_type(bytes: &[u8]) -> Self {
        Self { flags: 1 << 15, values: short(bytes) }
    }

    /// Only a correlation id, of these bytes.
    #[must_use]
    pub fn correlation_id(bytes: &[u8]) -> Self {
        Self { flags: 1 << 10, values: short(bytes) }
    }

    /// Only a message id, of these bytes.
    #[must_use]
    pub fn message_id(bytes: &[u8]) -> Self {
        Self { flags: 1 << 7, values: short(bytes) }
    }

    /// Only a header with a name of these bytes, whose value is nothing.
    #[must_use]
    pub fn header_named(bytes: &[u8]) -> Self {
        Self { flags: 1 << 13, values: long(&[&short(bytes)[..], b"V"].concat()) }
    }
}

impl Frames {
    /// Connects to 127.0.0.1 as `guest` and opens a channel.
    #[must_use]
    pub fn connect(port: u16) -> Self {
        Self::connect_as("guest", "guest", port)
    }

    /// The same as another user.
    #[must_use]
    pub fn connect_as(user: &str, password: &str, port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the broker listens");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut frames = Self { stream };
        frames.stream.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
        frames.answer();
        let login =
            [long(b""), short(b"PLAIN"), long(format!("\0{user}\0{password}").as_bytes()), short(b"en_US")]
                .concat();
        frames.method(0, (10, 11), &login);
        // The broker's limits are good enough: they come back as they are, without a heartbeat.
        let mut limits = frames.answer().1;
        limits[6..8].fill(0);
        frames.method(0, (10, 31), &limits[..8]);
        frames.method(0, (10, 40), &[short(b"/"), short(b""), vec![0]].concat());
        frames.answer();
        frames.method(1, (20, 10), &short(b""));
        frames.answer();
        frames.method(1, (85, 10), &[0]);
        frames.answer();
        frames
    }

    /// Publishes a message of one byte, and waits until the broker has taken it.
    ///
    /// # Panics
    ///
    /// When the broker refuses it.
    pub fn publish(&mut self, exchange: &str, routing_key: impl AsRef<[u8]>, properties: &Properties) {
        let place = [short(exchange.as_bytes()), short(routing_key.as_ref())].concat();
        self.method(1, (60, 40), &[&[0, 0][..], &place, &[0]].concat());
        let mut header = [60_u16.to_be_bytes(), [0, 0]].concat();
        header.extend(1_u64.to_be_bytes());
        header.extend(properties.flags.to_be_bytes());
        header.extend(&properties.values);
        self.frame(HEADER, 1, &header);
        self.frame(BODY, 1, b"x");
        let (method, arguments) = self.answer();
        assert_ne!(method, CHANNEL_CLOSE, "refused: {}", String::from_utf8_lossy(&arguments));
        assert_eq!(method, BASIC_ACK);
    }

    fn method(&mut self, channel: u16, (class, method): (u16, u16), arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        self.frame(METHOD, channel, &payload);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        self.stream.write_all(&frame(kind, channel, payload)).expect("the broker reads");
    }

    /// The next method of the broker, with its arguments.
    fn answer(&mut self) -> ((u16, u16), Vec<u8>) {
        let mut start = [0; 7];
        self.stream.read_exact(&mut start).expect("the broker answers");
        assert_eq!(start[0], METHOD, "the broker sends a method");
        let size = u32::from_be_bytes([start[3], start[4], start[5], start[6]]);
        let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
        self.stream.read_exact(&mut payload).expect("the rest of the frame");
        let number = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
        ((number(0), number(2)), payload[4..payload.len() - 1].to_vec())
    }
}

/// A frame as bytes.
pub(crate) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap();
    [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), payload, &[FRAME_END]].concat()
}

/// A short string as bytes.
pub(crate) fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).expect("at most 255 bytes")][..], bytes].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}
