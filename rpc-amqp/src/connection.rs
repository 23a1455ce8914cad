//! A connection to the broker, in the broker's own words: AMQP 0-9-1.
//!
//! Frames are made and read with the codec of the `lapin` library, whose types are used throughout, but none of its
//! threads: it has one for each connection, which is woken for every socket that can be read and wakes whoever waits for
//! what it read. Here a connection is one [`task`] on the thread that its users run on, so that nobody has to be woken.
//! What users send is queued at once, and in the order in which they send it; the task writes what has gathered together.
//!
//! - [`state`] is what this side knows, and decides; it has no task, no clock and no socket.
//! - [`outbox`], [`inbox`] and [`content`] turn messages into octets and back.
//! - [`tags`] are the confirms, and [`heartbeat`] is the only clock.
//! - [`handshake`] is the login.
//!
//! It waits without limit, as its users know: every wait of theirs has a limit of its own. It does not connect again; a
//! connection that has ended stays so, and everybody who waits on it is told why.
//!
//! While the broker is blocked nothing is written. What had been queued by then is written afterwards, which is why not
//! more than a [gate](crate::publisher) admits is ever queued.

mod channel;
mod content;
mod fields;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handshake;
mod heartbeat;
mod inbox;
mod known;
mod message;
mod outbox;
mod shared;
mod state;
mod tags;
mod task;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::Event;
use lapin::types::ShortString;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub(crate) use self::channel::Channel;
#[cfg(test)]
pub(crate) use self::channel::Queued;
pub(crate) use self::handshake::Login;
use self::handshake::{Handshake, Tuned};
use self::heartbeat::Heartbeat;
#[cfg(test)]
pub(crate) use self::message::Depth;
pub(crate) use self::message::{Confirmation, Delivery, Returned};
pub(crate) use self::outbox::Place;
use self::shared::Shared;
use self::state::State;
use self::task::Task;

/// A connection that is open, or was. It ends when the broker or the stream does, or with [`close`](Self::close).
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Shared,
    tuned: Tuned,
}

impl Connection {
    /// Logs in over `stream`, and looks after it on the runtime that this is called on.
    pub(crate) async fn open<S>(stream: S, login: Login) -> lapin::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut handshake = Handshake::new(stream, login.frame_max);
        let tuned = handshake.run(login).await?;
        let written = handshake.written();
        let Handshake { stream, inbox, outbox, .. } = handshake;
        let shared = Shared::new(State::new(outbox, tuned.channel_max, written));
        let heartbeat = Heartbeat::new(Duration::from_secs(tuned.heartbeat.into()), Instant::now());
        tokio::spawn(Task::new(stream, shared.clone(), inbox, heartbeat).run());
        Ok(Self { shared, tuned })
    }

    pub(crate) async fn create_channel(&self) -> lapin::Result<Channel> {
        Channel::open(self.shared.clone()).await
    }

    /// What happens to the connection. One listens at a time.
    pub(crate) fn events_listener(&self) -> impl Stream<Item = Event> + Send + use<> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        self.shared.lock().listen(sender);
        futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
    }

    /// Whether it is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.shared.lock().error().is_none()
    }

    /// Whether the broker reads nothing for now, so that nothing is written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.shared.lock().is_blocked()
    }

    /// The most bytes in a frame.
    pub(crate) const fn frame_max(&self) -> u32 {
        self.tuned.frame_max
    }

    /// How often both sides show that they live, in seconds; 0 for never.
    pub(crate) const fn heartbeat(&self) -> u16 {
        self.tuned.heartbeat
    }

    /// Leaves the broker in order; waits until it has said farewell.
    pub(crate) async fn close(&self, code: u16, text: ShortString) -> lapin::Result<()> {
        let (waiting, answer) = oneshot::channel();
        self.shared.act(|state| state.leave(code, text, waiting))?;
        channel::heard(answer).await.map(drop)
    }
}
