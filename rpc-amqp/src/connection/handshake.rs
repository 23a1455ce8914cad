//! Logging in.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use amq_protocol::protocol::connection::{self, AMQPMethod as OfConnection};
use amq_protocol::protocol::{AMQPClass, parse_class};
use futures_io::{AsyncRead, AsyncWrite};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use super::channel::gone;
use super::inbox::{Inbox, unreadable};
use super::outbox::Outbox;
use super::state::refused;

const METHOD: u8 = 1;
/// What every broker takes in a frame, and so what a login may need.
const FRAME_MIN: u32 = 4_096;
/// What the broker may make use of.
const CAPABILITIES: [&str; 6] = [
    "publisher_confirms",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "authentication_failure_close",
    "per_consumer_qos",
];

/// What a login needs. It holds a secret, so it has no `Debug`.
pub(crate) struct Login {
    pub(crate) mechanism: &'static str,
    /// What the mechanism asks for: user and password, for one.
    pub(crate) response: LongString,
    pub(crate) vhost: String,
    /// What people see in the broker's list of connections.
    pub(crate) name: String,
    /// Bytes in a frame, at most.
    pub(crate) frame_max: u32,
    /// Seconds; 0 for none.
    pub(crate) heartbeat: u16,
}

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tuned {
    pub(super) channel_max: u16,
    pub(super) frame_max: u32,
    /// Seconds; 0 for none.
    pub(super) heartbeat: u16,
}

/// A login in progress.
pub(super) struct Handshake<S> {
    pub(super) stream: S,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    written: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    pub(super) fn new(stream: S, frame_max: u32) -> Self {
        let frame_max = frame_max as usize;
        Self { stream, inbox: Inbox::new(frame_max), outbox: Outbox::new(frame_max), written: 0 }
    }

    /// How many octets were written.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Logs in. It has no limit of its own; dropping the future gives up.
    pub(super) async fn run(&mut self, login: Login) -> lapin::Result<Tuned> {
        let vhost = ShortString::try_new(login.vhost).map_err(invalid)?;
        self.outbox.start();
        self.flush().await?;
        let OfConnection::Start(_) = self.next().await? else { return Err(out_of_turn()) };
        self.say(OfConnection::StartOk(connection::StartOk {
            client_properties: properties(login.name),
            mechanism: ShortString::try_new(login.mechanism).map_err(invalid)?,
            response: login.response,
            locale: ShortString::try_new("en_US").map_err(invalid)?,
        }))
        .await?;
        let tuned = match self.next().await? {
            OfConnection::Tune(tune) => agreed(&tune, login.frame_max, login.heartbeat),
            OfConnection::Secure(_) => {
                return Err(
                    io::Error::other("the broker asks a question that no login of ours answers").into()
                );
            }
            _ => return Err(out_of_turn()),
        };
        self.outbox.limit(tuned.frame_max as usize);
        let Tuned { channel_max, frame_max, heartbeat } = tuned;
        let tune_ok = OfConnection::TuneOk(connection::TuneOk { channel_max, frame_max, heartbeat });
        self.outbox.method(0, AMQPClass::Connection(tune_ok))?;
        self.say(OfConnection::Open(connection::Open { virtual_host: vhost })).await?;
        match self.next().await? {
            OfConnection::OpenOk(_) => Ok(tuned),
            _ => Err(out_of_turn()),
        }
    }

    /// The next thing that the broker says. Its farewell is an error.
    async fn next(&mut self) -> lapin::Result<OfConnection> {
        loop {
            while let Some(raw) = self.inbox.next()? {
                if raw.kind != METHOD {
                    continue;
                }
                let method = parse_class(raw.payload).map_err(|_| unreadable("a part of the login"))?.1;
                let AMQPClass::Connection(method) = method else { return Err(out_of_turn()) };
                let OfConnection::Close(close) = method else { return Ok(method) };
                let ok = AMQPClass::Connection(OfConnection::CloseOk(connection::CloseOk {}));
                self.outbox.method(0, ok)?;
                // It closes the socket either way.
                let _ = self.flush().await;
                return Err(refused(close.reply_code, &close.reply_text));
            }
            let (stream, inbox) = (&mut self.stream, &mut self.inbox);
            let count = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, inbox.room())).await?;
            if count == 0 {
                return Err(gone());
            }
            self.inbox.filled(count);
        }
    }

    async fn say(&mut self, method: OfConnection) -> lapin::Result<()> {
        self.outbox.method(0, AMQPClass::Connection(method))?;
        self.flush().await
    }

    async fn flush(&mut self) -> lapin::Result<()> {
        let (stream, mut octets) = (&mut self.stream, Vec::new());
        self.outbox.move_to(&mut octets);
        let mut left = &octets[..];
        while !left.is_empty() {
            let count = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, left)).await?;
            if count == 0 {
                return Err(gone());
            }
            self.written += count as u64;
            left = &left[count..];
        }
        poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await?;
        Ok(())
    }
}

/// The smaller of both for all but the heartbeat, where 0 says that a side has no limit. Ours stands for the heartbeat: it
/// decides when calls that are in doubt are given up.
fn agreed(tune: &connection::Tune, frame_max: u32, heartbeat: u16) -> Tuned {
    let theirs = if tune.frame_max == 0 { u32::MAX } else { tune.frame_max.max(FRAME_MIN) };
    let channel_max = if tune.channel_max == 0 { u16::MAX } else { tune.channel_max };
    Tuned { channel_max, frame_max: theirs.min(frame_max), heartbeat }
}

fn properties(name: String) -> FieldTable {
    let mut table = FieldTable::default();
    let mut insert = |key: &str, value| {
        if let Ok(key) = ShortString::try_new(key) {
            table.insert(key, value);
        }
    };
    insert("product", AMQPValue::LongString(env!("CARGO_PKG_NAME").into()));
    insert("version", AMQPValue::LongString(env!("CARGO_PKG_VERSION").into()));
    insert("platform", AMQPValue::LongString("Rust".into()));
    insert("connection_name", AMQPValue::LongString(name.into()));
    let mut capabilities = FieldTable::default();
    for capability in CAPABILITIES {
        if let Ok(capability) = ShortString::try_new(capability) {
            capabilities.insert(capability, AMQPValue::Boolean(true));
        }
    }
    insert("capabilities", AMQPValue::FieldTable(capabilities));
    table
}

fn out_of_turn() -> lapin::Error {
    unreadable("a login goes another way")
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> lapin::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error).into()
}
