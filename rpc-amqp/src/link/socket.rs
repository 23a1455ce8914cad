//! The byte stream under a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream in the shape that the client library asks for.
pub(crate) struct Socket(TcpStream);

/// Ends a connection from outside. Needed because the library waits without limit for a peer that is silent: shutting
/// the socket down is the one thing that always wakes it.
/// Dropping it does so too, so that no path leaves a thread of the library behind.
#[derive(Debug)]
pub(crate) struct KillHandle(std::net::TcpStream);

impl Socket {
    /// Wraps `stream`, and gives a handle that can end it.
    pub(crate) fn new(stream: TcpStream) -> io::Result<(Self, KillHandle)> {
        let stream = stream.into_std()?;
        let handle = KillHandle(stream.try_clone()?);
        Ok((Self(TcpStream::from_std(stream)?), handle))
    }
}

impl KillHandle {
    pub(crate) fn kill(&self) {
        // It fails when the peer was faster, which is as good.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
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
        std::task::ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
