//! AMQP in octets: what the seeds are made of, and names for what the checks look at.

pub const METHOD: u8 = 1;
pub const HEADER: u8 = 2;
pub const BODY: u8 = 3;
pub const HEARTBEAT: u8 = 8;
pub const END: u8 = 0xce;

/// Class and method.
pub const TUNE: [u8; 4] = [0, 10, 0, 30];
pub const CHANNEL_OPEN_OK: [u8; 4] = [0, 20, 0, 11];
pub const RETURN: [u8; 4] = [0, 60, 0, 50];
pub const DELIVER: [u8; 4] = [0, 60, 0, 60];
pub const GET_OK: [u8; 4] = [0, 60, 0, 71];
pub const ACK: [u8; 4] = [0, 60, 0, 80];
pub const NACK: [u8; 4] = [0, 60, 0, 120];
pub const CANCEL: [u8; 4] = [0, 60, 0, 30];
pub const CHANNEL_CLOSE: [u8; 4] = [0, 20, 0, 40];

pub const CHANNEL: u16 = 1;

/// A string of at most 255 octets.
#[must_use]
pub fn short(octets: &[u8]) -> Vec<u8> {
    [&[u8::try_from(octets.len()).expect("at most 255 octets")][..], octets].concat()
}

/// A long string, a table or an array.
#[must_use]
pub fn long(octets: &[u8]) -> Vec<u8> {
    [&u32::try_from(octets.len()).expect("at most 4 GiB").to_be_bytes()[..], octets].concat()
}

#[must_use]
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &CHANNEL.to_be_bytes(), &long(payload), &[END]].concat()
}

#[must_use]
pub fn method(identifier: [u8; 4], arguments: &[u8]) -> Vec<u8> {
    frame(METHOD, &[&identifier[..], arguments].concat())
}

#[must_use]
pub fn deliver(routing_key: &[u8]) -> Vec<u8> {
    let arguments = [short(b"rpc-0"), vec![0, 0, 0, 0, 0, 0, 0, 7, 0], short(b"x"), short(routing_key)];
    method(DELIVER, &arguments.concat())
}

#[must_use]
pub fn returned(routing_key: &[u8]) -> Vec<u8> {
    let arguments = [vec![1, 56], short(b"NO_ROUTE"), short(b"x"), short(routing_key)];
    method(RETURN, &arguments.concat())
}

#[must_use]
pub fn get_ok(routing_key: &[u8]) -> Vec<u8> {
    let arguments = [vec![0, 0, 0, 0, 0, 0, 0, 7, 0], short(b"x"), short(routing_key), vec![0, 0, 0, 0]];
    method(GET_OK, &arguments.concat())
}

/// The largest frame that a broker takes.
#[must_use]
pub fn tune(frame_max: u32) -> Vec<u8> {
    method(TUNE, &[&[7, 255][..], &frame_max.to_be_bytes(), &[0, 60]].concat())
}

/// A content header with these properties, flags first.
#[must_use]
pub fn header(properties: &[u8]) -> Vec<u8> {
    frame(HEADER, &[&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], properties].concat())
}

/// Properties of a message. Each is written in its place, whatever the order of the calls.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    values: std::collections::BTreeMap<u8, Vec<u8>>,
    headers: Vec<u8>,
}

impl Properties {
    #[must_use]
    pub fn content_type(self, text: &[u8]) -> Self {
        self.with(15, short(text))
    }

    #[must_use]
    pub fn content_encoding(self, text: &[u8]) -> Self {
        self.with(14, short(text))
    }

    #[must_use]
    pub fn delivery_mode(self, mode: u8) -> Self {
        self.with(12, vec![mode])
    }

    #[must_use]
    pub fn correlation_id(self, text: &[u8]) -> Self {
        self.with(10, short(text))
    }

    #[must_use]
    pub fn reply_to(self, text: &[u8]) -> Self {
        self.with(9, short(text))
    }

    #[must_use]
    pub fn expiration(self, text: &[u8]) -> Self {
        self.with(8, short(text))
    }

    #[must_use]
    pub fn message_id(self, text: &[u8]) -> Self {
        self.with(7, short(text))
    }

    #[must_use]
    pub fn timestamp(self, seconds: u64) -> Self {
        self.with(6, seconds.to_be_bytes().to_vec())
    }

    #[must_use]
    pub fn kind(self, text: &[u8]) -> Self {
        self.with(5, short(text))
    }

    #[must_use]
    pub fn user_id(self, text: &[u8]) -> Self {
        self.with(4, short(text))
    }

    /// A header, its value with its type.
    #[must_use]
    pub fn header(mut self, name: &[u8], value: &[u8]) -> Self {
        self.headers.extend([&short(name)[..], value].concat());
        self
    }

    /// A header of text.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        self.header(name.as_bytes(), &[&b"S"[..], &long(text.as_bytes())].concat())
    }

    /// A header with a whole number.
    #[must_use]
    pub fn number(self, name: &str, number: i64) -> Self {
        self.header(name.as_bytes(), &[&b"l"[..], &number.to_be_bytes()].concat())
    }

    /// A table in a table, or an array in an array, so many levels with the headers themselves.
    #[must_use]
    pub fn nested(self, levels: usize, kind: u8) -> Self {
        let name: &[u8] = if kind == b'F' { &[1, b'a'] } else { &[] };
        let inner = (2..levels).fold(Vec::new(), |inner: Vec<u8>, _| [name, &[kind], &long(&inner)].concat());
        self.header(b"a", &[&[kind][..], &long(&inner)].concat())
    }

    /// Flags and values.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut values = self.values.clone();
        if !self.headers.is_empty() {
            values.insert(13, long(&self.headers));
        }
        let flags = values.keys().fold(0_u16, |flags, bit| flags | 1 << bit);
        // The highest flag comes first.
        values
            .into_values()
            .rev()
            .fold(flags.to_be_bytes().to_vec(), |octets, value| [octets, value].concat())
    }

    /// A message as the targets of messages take it.
    #[must_use]
    pub fn message(&self, body: &[u8]) -> Vec<u8> {
        let properties = self.octets();
        let length = u16::try_from(properties.len()).expect("less than 32 KiB");
        [&length.to_be_bytes()[..], &properties, body].concat()
    }

    fn with(mut self, bit: u8, value: Vec<u8>) -> Self {
        self.values.insert(bit, value);
        self
    }
}
