//! Our stream type in the client library's runtime.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_rs::traits::{Executor, Reactor};
use async_rs::util::{RuntimeParts, Task};
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::tcp::AsyncTcpStream;
use tokio::runtime::Handle;

use super::guard::Guarded;
use super::quiet;
use super::socket::Socket;

/// What the library reads from: a socket, perhaps with TLS, and the guard above both.
pub(super) type GuardedSocket = Guarded<AsyncTcpStream<Socket>>;

/// Tokio with [`GuardedSocket`] as its TCP stream.
pub(super) type Kit = RuntimeParts<QuietExecutor, SocketReactor>;

/// The runtime behind `handle`, as the library wants it.
pub(super) fn runtime(handle: Handle) -> Runtime<Kit> {
    let tokio = Tokio::default().with_handle(handle);
    Runtime::new(RuntimeParts::new(QuietExecutor(tokio.clone()), SocketReactor(tokio)))
}

/// Runs the library's tasks, and keeps what they log to itself: one lost connection would be told of several times.
#[derive(Clone, Debug)]
pub(super) struct QuietExecutor(Tokio);

impl Executor for QuietExecutor {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    /// Only the thread that reads the socket calls this, and silences itself in it: around that, another silence would
    /// end both with its own end.
    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.0.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        future: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn(quiet::future(future))
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(work)
    }
}

#[derive(Clone, Debug)]
pub(super) struct SocketReactor(Tokio);

impl Reactor for SocketReactor {
    type TcpStream = GuardedSocket;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        // We dial ourselves and hand over a ready stream.
        Err::<GuardedSocket, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = std::time::Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
