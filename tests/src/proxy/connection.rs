//! A client, the broker, and what goes between them.

use std::io;
use std::net::{Ipv4Addr, Shutdown};
use std::time::Duration;

use futures_util::future::join_all;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::mode::Direction;
use super::plan::{End, Plan};
use super::pump::Pump;
use super::queue::CAPACITY;
use super::registry::Entry;

/// How long the broker's machine may take to accept. It is this one, and takes no time unless too many wait.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Serves a client that was accepted, until both sockets are closed.
pub(super) async fn serve(client: TcpStream, upstream: u16, entry: Entry) {
    let mut plan = entry.plan();
    let ended = plan.borrow().ended();
    if let Some(end) = ended {
        return finish(end, client, None, entry).await;
    }
    // Not given up when the connection is to end meanwhile: the broker may have accepted it already, and has to see
    // the same end as the client.
    let Ok(Ok(broker)) = timeout(CONNECT_LIMIT, connect(upstream)).await else {
        // The proxy itself listens, so this is the closest to "connection refused".
        return finish(End::Reset, client, None, entry).await;
    };
    let end = tokio::select! {
        biased;
        end = ended_by(&mut plan, |end| end) => end,
        passed = pass(&client, &broker, &entry) => match passed {
            Ok(()) => return,
            Err(end) => end,
        },
    };
    finish(end, client, Some(broker), entry).await;
}

/// Waits until the plan of a connection says how it ends.
async fn ended_by(plan: &mut watch::Receiver<Plan>, which: impl Fn(Option<End>) -> Option<End>) -> End {
    let plan = plan.wait_for(|plan| which(plan.ended()).is_some()).await;
    plan.ok().and_then(|plan| which(plan.ended())).unwrap_or(End::Cut)
}

async fn finish(end: End, client: TcpStream, broker: Option<TcpStream>, entry: Entry) {
    match end {
        End::Cut => {
            drop(entry);
            join_all([Some(client), broker].into_iter().flatten().map(close)).await;
        }
        End::Reset => {
            drop(entry);
            [Some(client), broker].into_iter().flatten().for_each(reset);
        }
        End::Orphan => {
            tokio::join!(close(client), keep(broker, entry));
        }
    }
}

/// What the sockets of a proxy keep besides its queues is bounded too, so that a peer which does not read is
/// soon felt at the other side.
pub(super) fn bound_buffers(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_recv_buffer_size(CAPACITY)?;
    socket.set_send_buffer_size(CAPACITY)
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    bound_buffers(&SockRef::from(&socket))?;
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
}

async fn pass(client: &TcpStream, broker: &TcpStream, entry: &Entry) -> Result<(), End> {
    for stream in [client, broker] {
        stream.set_nodelay(true).map_err(|_| End::Reset)?;
    }
    let upstream = Pump::new(client, broker, Direction::Upstream, entry);
    let downstream = Pump::new(broker, client, Direction::Downstream, entry);
    tokio::try_join!(upstream.run(), downstream.run()).map(|_| ())
}

/// Closes with FIN. A socket that is dropped with bytes in it that nobody has read sends RST, which would also take
/// what the peer has not read yet: so it is read until the peer closes too.
async fn close(stream: TcpStream) {
    let _ = SockRef::from(&stream).shutdown(Shutdown::Write);
    discard(&stream).await;
}

fn reset(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}

/// Keeps the broker's side of an orphan open, until the broker closes it or the rule ends.
async fn keep(broker: Option<TcpStream>, entry: Entry) {
    let Some(broker) = broker else { return };
    let mut plan = entry.plan();
    let end = tokio::select! {
        () = discard(&broker) => End::Cut,
        end = ended_by(&mut plan, |end| end.filter(|end| *end != End::Orphan)) => end,
    };
    drop(entry);
    if end == End::Reset { reset(broker) } else { close(broker).await }
}

/// Reads until the peer has closed.
async fn discard(stream: &TcpStream) {
    let mut bytes = [0; 4_096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
