//! How far a method is, told to its caller before the end.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;

use crate::codec;
use crate::latest::Latest;
use crate::payload::{ContentType, Payload};

/// Tells the caller of a long method how far it is, in values of type `T`.
///
/// A method of a service takes `&Progress<T>` beside its arguments, and the generated client's call has
/// [`on_progress`](crate::Call::on_progress).
///
/// ```
/// # use rpc_core::{MemoryTransport, Progress, Server, Target, service};
/// # use std::sync::{Arc, Mutex};
/// #[service]
/// trait Conductor {
///     /// Installs a node, and tells how many percent are done.
///     #[call(timeout = "10m", call_monitor = "5s")]
///     async fn deploy(&self, progress: &Progress<u8>, node: u32);
/// }
/// # struct Manager;
///
/// impl Conductor for Manager {
///     async fn deploy(&self, progress: &Progress<u8>, _: u32) {
///         for percent in [0, 50, 100] {
///             progress.send(&percent);
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let transport = MemoryTransport::new();
/// # let target = Target::topic("conductor");
/// # let _server = Server::builder(&transport, target.clone()).endpoint(Manager.into_endpoint()).start().await?;
/// # let conductor = ConductorClient::new(&transport, target);
/// let heard = Arc::new(Mutex::new(Vec::new()));
/// let told = Arc::clone(&heard);
/// conductor.deploy(7).on_progress(move |percent| told.lock().unwrap().push(percent)).await?;
/// assert_eq!(*heard.lock().unwrap(), [0, 50, 100]);
/// # Ok(()) }
/// ```
///
/// It is a courtesy and no promise: nothing waits for it, and it can get lost with a link. Of values that come faster than the
/// broker or the caller takes them the oldest are lost, so that 64 wait at most on either side. They come in order, and none
/// after the result. A caller who does not listen is sent nothing; nobody hears it over the wire of another framework.
///
/// Cheap to clone, also into other tasks; what is sent after the method has ended is dropped.
pub struct Progress<T> {
    outbox: Option<Outbox>,
    value: PhantomData<fn(&T)>,
}

/// What a method tells, until somebody sends it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    pub(crate) latest: Arc<Latest<Payload>>,
    content_type: ContentType,
}

/// Stands for the values of a method that tells no progress. There are none.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum NoProgress {}

/// How many values wait on either side.
pub(crate) const MOST_WAITING: usize = 64;

impl<T: Serialize> Progress<T> {
    /// Tells the caller, if it listens. Never waits. A value that cannot be encoded is left out, and the log says so.
    pub fn send(&self, value: &T) {
        let Some(outbox) = &self.outbox else { return };
        match codec::encode(outbox.content_type, value) {
            Ok(payload) => outbox.latest.put(payload),
            Err(error) => tracing::warn!(%error, "progress that cannot be encoded"),
        }
    }
}

impl<T> Progress<T> {
    pub(crate) const fn new(outbox: Option<Outbox>) -> Self {
        Self { outbox, value: PhantomData }
    }

    /// Whether the caller listens: whether a value is worth its making.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| !outbox.latest.is_closed())
    }
}

impl<T> Clone for Progress<T> {
    fn clone(&self) -> Self {
        Self::new(self.outbox.clone())
    }
}

impl<T> fmt::Debug for Progress<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Progress").field("is_heard", &self.is_heard()).finish()
    }
}

impl Outbox {
    /// For a caller that reads values of this type.
    pub(crate) fn new(content_type: ContentType) -> Self {
        Self { latest: Arc::new(Latest::new(MOST_WAITING)), content_type }
    }
}
