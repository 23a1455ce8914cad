//! The broker's side of a connection, in the hands of a test.

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parse_frame};
use amq_protocol::protocol::AMQPClass;
use amq_protocol::protocol::channel::{self, AMQPMethod as OfChannel};
use amq_protocol::protocol::connection::{self, AMQPMethod as OfConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::super::{Channel, Connection, Login};

/// The client's end.
pub(super) type Stream = Compat<DuplexStream>;

pub(super) struct Broker {
    stream: DuplexStream,
    /// What was read and is not a whole frame.
    octets: Vec<u8>,
}

pub(super) fn login() -> Login {
    Login {
        mechanism: "PLAIN",
        response: "\0guest\0guest".into(),
        vhost: "/".to_owned(),
        name: "test".to_owned(),
        frame_max: 65_536,
        heartbeat: 10,
    }
}

pub(super) fn method(channel: u16, method: AMQPClass) -> AMQPFrame {
    AMQPFrame::Method(channel, method)
}

impl Broker {
    pub(super) fn new() -> (Self, Stream) {
        let (broker, client) = duplex(1_024 * 1_024);
        (Self { stream: broker, octets: Vec::new() }, client.compat())
    }

    /// Says hello.
    pub(super) async fn start(&mut self) {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await.unwrap();
        assert_eq!(&header, b"AMQP\x00\x00\x09\x01");
        let start = connection::Start { mechanisms: "PLAIN".into(), ..connection::Start::default() };
        self.send([method(0, AMQPClass::Connection(OfConnection::Start(start)))]).await;
    }

    pub(super) async fn with_connection() -> (Self, Connection) {
        let (mut broker, stream) = Self::new();
        let opening = tokio::spawn(Connection::open(stream, login()));
        broker.start().await;
        let AMQPClass::Connection(OfConnection::StartOk(start_ok)) = broker.method().await.1 else {
            panic!("it starts")
        };
        assert_eq!(start_ok.response, "\0guest\0guest".into());
        let tune = connection::Tune { channel_max: 2, frame_max: 4_096, heartbeat: 60 };
        broker.send([method(0, AMQPClass::Connection(OfConnection::Tune(tune)))]).await;
        let AMQPClass::Connection(OfConnection::TuneOk(tune_ok)) = broker.method().await.1 else {
            panic!("it agrees")
        };
        assert_eq!((tune_ok.channel_max, tune_ok.frame_max, tune_ok.heartbeat), (2, 4_096, 10));
        assert!(matches!(broker.method().await.1, AMQPClass::Connection(OfConnection::Open(_))));
        let open_ok = AMQPClass::Connection(OfConnection::OpenOk(connection::OpenOk {}));
        broker.send([method(0, open_ok)]).await;
        (broker, opening.await.unwrap().unwrap())
    }

    pub(super) async fn with_channel() -> (Self, Channel, Connection) {
        let (mut broker, connection) = Self::with_connection().await;
        let answer = async {
            assert!(matches!(broker.method().await, (1, AMQPClass::Channel(OfChannel::Open(_)))));
            broker.send([method(1, AMQPClass::Channel(OfChannel::OpenOk(channel::OpenOk {})))]).await;
        };
        let (channel, ()) = tokio::join!(connection.create_channel(), answer);
        (broker, channel.unwrap(), connection)
    }

    pub(super) async fn send(&mut self, frames: impl IntoIterator<Item = AMQPFrame>) {
        let mut octets = Vec::new();
        for frame in frames {
            octets = gen_frame(&frame)(WriteContext::from(octets)).unwrap().into_inner().0;
        }
        self.stream.write_all(&octets).await.unwrap();
    }

    /// The next frame.
    pub(super) async fn frame(&mut self) -> AMQPFrame {
        loop {
            if let Ok((rest, frame)) = parse_frame(&self.octets[..]) {
                self.octets = rest.to_vec();
                return frame;
            }
            assert_ne!(self.stream.read_buf(&mut self.octets).await.unwrap(), 0, "it is gone");
        }
    }

    /// The next frame, which is a method.
    pub(super) async fn method(&mut self) -> (u16, AMQPClass) {
        match self.frame().await {
            AMQPFrame::Method(channel, method) => (channel, method),
            frame => panic!("{frame:?} is no method"),
        }
    }

    /// Whether the client has let go of its end.
    pub(super) async fn is_left(&mut self) -> bool {
        self.stream.read_buf(&mut self.octets).await.unwrap() == 0
    }
}
