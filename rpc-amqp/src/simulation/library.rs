//! A connection and its channels as [`connection`](crate::connection) has them, over simulated wires.

mod channel;

use std::time::Duration;

use futures_util::Stream;
use lapin::Event;
use lapin::types::ShortString;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use self::channel::Channel;
use super::frame::Request;
use super::world::{Door, World};
use crate::link::{Purpose, Refusal};

/// Where a process runs: what it reaches its broker by.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) world: World,
    pub(crate) process: usize,
}

/// A connection that is open, or was.
pub(crate) struct Connection {
    world: World,
    number: u64,
}

/// Shuts the socket of a connection down.
pub(crate) struct HangUp {
    world: World,
    number: u64,
    /// Cancelled when the library has let the socket go.
    pub(crate) gone: CancellationToken,
}

impl Host {
    pub(crate) async fn dial(
        &self,
        purpose: Purpose,
        limit: Duration,
    ) -> Result<(Connection, HangUp), Refusal> {
        let world = self.world.clone();
        match world.connect(self.process, purpose, limit).await {
            Ok((number, gone)) => {
                Ok((Connection { world: world.clone(), number }, HangUp { world, number, gone }))
            }
            Err(Door::Silent) => Err(Refusal::silent("log in")),
            Err(_) => Err(Refusal::unreached("connection refused".to_owned())),
        }
    }
}

impl Connection {
    pub(crate) async fn create_channel(&self) -> lapin::Result<Channel> {
        let number = self.world.act(|state| match state.end(self.number) {
            Some(end) => end.error().map_or_else(|| Ok(end.add_channel()), Err),
            None => Ok(0),
        })?;
        let channel = Channel::new(self.world.clone(), self.number, number);
        channel.ask(Request::OpenChannel).await?;
        Ok(channel)
    }

    pub(crate) fn events_listener(&self) -> impl Stream<Item = Event> + Send + 'static {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        if let Some(end) = self.world.lock().end(self.number) {
            match end.error() {
                Some(error) => drop(sender.send(Event::Error(error))),
                None => end.listen(sender),
            }
        }
        futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.world.lock().end(self.number).is_some_and(|end| end.is_open())
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.world.lock().end(self.number).is_some_and(|end| end.is_blocked())
    }

    #[expect(clippy::unused_self, reason = "the real one's interface")]
    pub(crate) const fn frame_max(&self) -> u32 {
        131_072
    }

    #[expect(clippy::unused_self, reason = "the real one's interface")]
    pub(crate) const fn heartbeat(&self) -> u16 {
        1
    }

    pub(crate) async fn close(&self, _: u16, _: ShortString) -> lapin::Result<()> {
        let channel = Channel::new(self.world.clone(), self.number, 0);
        channel.ask(Request::CloseConnection).await.map(drop)
    }
}

/// Tests dial simulated brokers only.
impl From<crate::connection::Connection> for Connection {
    fn from(_: crate::connection::Connection) -> Self {
        panic!("a unit test reached a real broker")
    }
}

impl HangUp {
    pub(crate) fn hang_up(&self) {
        self.world.act(|state| state.hang_up(self.number));
    }
}

impl std::fmt::Debug for HangUp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HangUp")
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Host")
    }
}

/// The answer to somebody who waits, or that the wait is over because the connection is.
async fn heard<T>(answer: oneshot::Receiver<lapin::Result<T>>) -> lapin::Result<T> {
    answer.await.unwrap_or_else(|_| Err(gone()))
}

fn gone() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()
}
