//! A stream whose readers get only what the guard has gone over.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use super::{Findings, Guard, Published};

/// A stream whose readers get only what the guard has gone over. With TLS it is the outermost, so that the guard sees
/// what the library will see.
pub(crate) struct Guarded<S> {
    stream: S,
    guard: Guard,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, findings: Arc<Findings>, published: Arc<Published>, frame_max: u32) -> Self {
        Self { stream, guard: Guard::new(findings, published, frame_max) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // Reading into several buffers goes through here, too: by default the first of them is filled.
        loop {
            let length = ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let kept = self.guard.pass(&mut buffer[..length]).map_err(io::Error::other)?;
            // Nothing would mean the end of the stream.
            if kept > 0 || length == 0 {
                return Poll::Ready(Ok(kept));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
