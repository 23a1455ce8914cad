//! Whether a node accepts clients yet.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// What a client of AMQP 0-9-1 says first.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";

/// The first byte of a method frame: the node's `connection.start`.
const METHOD_FRAME: u8 = 1;

/// Says the greeting and looks whether the node answers with its first frame. An open port is not enough: a
/// node that is still starting accepts the connection and says nothing.
pub(super) fn accepts_clients(port: u16) -> bool {
    let limit = Duration::from_secs(1);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let answer = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(GREETING)?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    };
    answer().is_ok_and(|first| first == METHOD_FRAME)
}
