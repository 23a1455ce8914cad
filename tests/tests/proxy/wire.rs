//! A client, a broker, and the proxy between them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use tests::proxy::Proxy;

/// How long anything that has to happen may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long nothing has to happen.
const WHILE: Duration = Duration::from_millis(100);

/// A proxy, and a broker that is but a socket.
pub(crate) struct Net {
    pub(crate) proxy: Proxy,
    pub(crate) broker: TcpListener,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) TcpStream);

/// How a connection ended for one side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    Fin,
    Reset,
}

impl Net {
    pub(crate) fn new() -> Self {
        let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(broker.local_addr().unwrap().port());
        Self { proxy, broker }
    }

    /// A client, whether the broker hears of it or not.
    pub(crate) fn client(&self) -> Socket {
        Socket::new(TcpStream::connect((Ipv4Addr::LOCALHOST, self.proxy.port())).unwrap())
    }

    /// A client, and its other end at the broker.
    pub(crate) fn connect(&self) -> (Socket, Socket) {
        let client = self.client();
        (client, Socket::new(self.broker.accept().unwrap().0))
    }

    /// Whether nobody connects to the broker for a while.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.broker.set_nonblocking(true).unwrap();
        std::thread::sleep(WHILE);
        let accepted = self.broker.accept();
        self.broker.set_nonblocking(false).unwrap();
        accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// A connection that is not touched by what happened to others.
    pub(crate) fn assert_passes(&self) {
        let (mut client, mut broker) = self.connect();
        client.send(b"ping");
        broker.assert_gets(b"ping");
        broker.send(b"pong");
        client.assert_gets(b"pong");
    }
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next bytes.
    pub(crate) fn get(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn assert_gets(&mut self, expected: &[u8]) {
        let got = self.get(expected.len());
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(expected));
    }

    /// Nothing arrives for a while, not even an end.
    pub(crate) fn assert_silent(&mut self) {
        self.0.set_read_timeout(Some(WHILE)).unwrap();
        let read = self.0.read(&mut [0]);
        self.0.set_read_timeout(Some(LIMIT)).unwrap();
        let is_silent = read.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        assert!(is_silent, "{read:?}");
    }

    /// What arrives up to the end, and how it ends.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ended) {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => (bytes, Ended::Fin),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, Ended::Reset),
            Err(error) => panic!("no end: {error}"),
        }
    }

    pub(crate) fn assert_ends(&mut self, how: Ended) {
        assert_eq!(self.rest(), (Vec::new(), how));
    }
}

/// Bytes of which no two stretches are alike.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(count).collect()
}
