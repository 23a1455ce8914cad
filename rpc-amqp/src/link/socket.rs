//! The byte stream under a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::traffic::Traffic;
use crate::process::Process;

/// A TCP stream in the shape that the TLS library asks for.
pub(crate) struct Socket {
    stream: TcpStream,
    traffic: Arc<Traffic>,
    _gone: DropGuard,
}

/// Ends a connection from outside. Needed because a connection waits without limit for a peer that is silent: shutting
/// the socket down always ends it, whatever it waits for. Dropping it does so too, so that no path leaves one behind.
#[derive(Debug)]
pub(crate) struct KillHandle {
    stream: Stream,
    traffic: Arc<Traffic>,
    gone: CancellationToken,
    process: Process,
}

#[derive(Debug)]
enum Stream {
    Tcp(std::net::TcpStream),
    #[cfg(test)]
    Simulated(crate::simulation::library::HangUp),
}

impl Socket {
    /// Wraps `stream`, and gives a handle that can end it.
    pub(crate) fn new(stream: TcpStream) -> io::Result<(Self, KillHandle)> {
        let stream = stream.into_std()?;
        let gone = CancellationToken::new();
        let traffic = Arc::<Traffic>::default();
        let handle = KillHandle {
            stream: Stream::Tcp(stream.try_clone()?),
            traffic: Arc::clone(&traffic),
            gone: gone.clone(),
            process: Process::current(),
        };
        Ok((Self { stream: TcpStream::from_std(stream)?, traffic, _gone: gone.drop_guard() }, handle))
    }
}

/// What every socket gets. A peer that is silent and owes us nothing is asked after `heartbeat` whether it lives; one
/// that does not take what was sent is given up after `patience`.
pub(super) fn tune(stream: &TcpStream, heartbeat: Duration, patience: Option<Duration>) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(heartbeat);
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "windows"))]
    let keepalive = keepalive.with_interval((heartbeat / 2).max(Duration::from_secs(1)));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(patience)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = patience;
    Ok(())
}

impl KillHandle {
    #[cfg(test)]
    pub(crate) fn simulated(hang_up: crate::simulation::library::HangUp) -> Self {
        Self {
            gone: hang_up.gone.clone(),
            stream: Stream::Simulated(hang_up),
            traffic: Arc::default(),
            process: Process::current(),
        }
    }

    pub(crate) fn kill(&self) {
        match &self.stream {
            // It fails when the peer was faster, which is as good. In a fork it would end the parent's connection.
            Stream::Tcp(stream) if self.process.is_current() => {
                drop(stream.shutdown(std::net::Shutdown::Both));
            }
            Stream::Tcp(_) => {}
            #[cfg(test)]
            Stream::Simulated(hang_up) => {
                hang_up.hang_up();
                self.gone.cancel();
            }
        }
    }

    /// What the socket carries.
    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Resolves when the socket was dropped.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }
}

impl Drop for KillHandle {
    fn drop(&mut self) {
        self.kill();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        self.traffic.moved(buffer.filled().len());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.traffic.moved(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.traffic.moved(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
