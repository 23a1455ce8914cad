//! Calls, casts and fanouts from the caller's side.

mod again;
pub(crate) mod answer;
mod call;
mod call_monitor;
mod cast;
mod evidence;
mod gather;
mod given_up;
mod listener;
mod outgoing;
mod pending;
mod prepare;
mod replies;
mod reply_table;
mod waiter;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::answer::ServiceFailure;
pub use self::call::{Call, CallFuture};
pub use self::cast::{Cast, CastFuture};
pub(crate) use self::evidence::Evidence;
pub use self::gather::{Answer, Answers, Gather, GatherFuture};
use self::outgoing::Outgoing;
pub use self::prepare::Prepare;
pub(crate) use self::replies::Replies;
use crate::interface::{Interface, Method, MethodKind};
use crate::target::Target;
use crate::transport::SharedTransport;
use crate::value::Value;
use crate::version::Version;

/// Calls the methods of a target by name: the untyped door, and what typed clients are made of.
///
/// `#[service]` writes a typed client, which is what services use; tools and proxies use this one. Cheap to
/// clone; all clients of a transport share one reply address.
///
/// ```
/// # use rpc_core::{Client, MemoryTransport, Target};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let transport = MemoryTransport::new();
/// let client = Client::new(&transport, Target::topic("conductor"));
/// let error = client.call("whoami", &()).await.unwrap_err();
/// assert_eq!(error.code(), rpc_core::Code::Unroutable);
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    transport: SharedTransport,
    settings: Arc<Prepare>,
}

impl Client {
    /// How long a call waits for its reply, and a cast for the broker, when nothing else is said.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// How long the answers of many servers are gathered when nothing else is said.
    pub const DEFAULT_GATHER_TIMEOUT: Duration = Duration::from_secs(2);

    /// A client of `target`: no namespace, version [`Version::DEFAULT`], the transport's content
    /// type, [`Client::DEFAULT_TIMEOUT`]. [`prepare`](Client::prepare) changes them.
    #[must_use]
    pub fn new(transport: &impl AsRef<SharedTransport>, target: Target) -> Self {
        let transport = transport.as_ref().clone();
        let settings = Arc::new(Prepare::new(target, transport.capabilities().content_type));
        Self { transport, settings }
    }

    /// A client of `target` for the methods of `interface`.
    #[must_use]
    pub fn for_interface(
        transport: &impl AsRef<SharedTransport>,
        target: Target,
        interface: Interface,
    ) -> Self {
        Self::new(transport, target).prepare(|settings| settings.interface(&interface))
    }

    /// A copy of this client with other settings.
    #[must_use]
    pub fn prepare(&self, change: impl FnOnce(Prepare) -> Prepare) -> Self {
        let settings = change(Prepare::clone(&self.settings));
        Self { transport: self.transport.clone(), settings: Arc::new(settings) }
    }

    /// Whether a request for `version` may be sent: whether no [`version_cap`](Prepare::version_cap) refuses it. Lets a caller
    /// ask before it uses what came with a version, instead of handling the refusal. oslo.messaging's `can_send_version`.
    #[must_use]
    pub fn can_send_version(&self, version: Version) -> bool {
        self.settings.refusing_cap(version).is_none()
    }

    /// Calls `method` with `arguments`: a struct, a map by name such as [`Value::map`], or `&()` for none. See
    /// [`Call`].
    pub fn call(&self, method: &str, arguments: &impl Serialize) -> Call<Value, ServiceFailure, Value> {
        Call::new(self.outgoing(method, arguments), answer::untyped)
    }

    /// Casts `method` to any one server of the target, or to the one that it names. See [`Cast`].
    pub fn cast(&self, method: &str, arguments: &impl Serialize) -> Cast {
        Cast::new(self.outgoing(method, arguments))
    }

    /// Casts `method` to every server of the target's topic. See [`Cast`].
    pub fn fanout(&self, method: &str, arguments: &impl Serialize) -> Cast {
        Cast::new(self.outgoing(method, arguments).fanout())
    }

    /// Sends `method` to every server of the target's topic, or to the one that it names, and gathers their answers. See
    /// [`Gather`].
    pub fn gather(&self, method: &str, arguments: &impl Serialize) -> Gather<Value, ServiceFailure> {
        Gather::new(self.to_all(self.outgoing(method, arguments)), answer::untyped)
    }

    /// Calls a method of an interface with a known result. Generated clients are made of this.
    pub fn start_call<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Call<T, E> {
        Call::new(self.outgoing_of(method, arguments), answer::typed)
    }

    /// As [`start_call`](Self::start_call), of a method that tells its progress. Generated clients are made of this.
    pub fn start_call_with_progress<T: DeserializeOwned, E: DeserializeOwned, P: DeserializeOwned>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Call<T, E, P> {
        Call::new(self.outgoing_of(method, arguments), answer::typed)
    }

    /// Casts or fans out a method of an interface. Generated clients are made of this.
    ///
    /// A fanout goes to every server of the topic, unless the client was prepared for one server: then to that
    /// one alone.
    pub fn start_cast(&self, method: &'static Method, arguments: &impl Serialize) -> Cast {
        let outgoing = self.outgoing_of(method, arguments);
        Cast::new(if method.kind == MethodKind::Fanout { self.to_all(outgoing) } else { outgoing })
    }

    /// Fans out a method of an interface with a known result, and gathers the answers. Generated clients are made of this.
    ///
    /// Who gets it is as in [`start_cast`](Self::start_cast).
    pub fn start_gather<T: DeserializeOwned, E: DeserializeOwned>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Gather<T, E> {
        Gather::new(self.to_all(self.outgoing_of(method, arguments)), answer::typed)
    }

    /// To every server of the topic, unless the target names one.
    fn to_all(&self, outgoing: Outgoing) -> Outgoing {
        if self.settings.target.server_name().is_none() { outgoing.fanout() } else { outgoing }
    }

    fn outgoing(&self, method: &str, arguments: &impl Serialize) -> Outgoing {
        let method = Cow::Owned(method.to_owned());
        Outgoing::new(self.transport.clone(), Arc::clone(&self.settings), method, arguments)
    }

    fn outgoing_of(&self, method: &'static Method, arguments: &impl Serialize) -> Outgoing {
        let name = Cow::Borrowed(method.name);
        let outgoing = Outgoing::new(self.transport.clone(), Arc::clone(&self.settings), name, arguments);
        outgoing.described_by(method)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

const _: () = {
    const fn shareable<T: Send + Sync + Clone>() {}
    shareable::<Client>();
};
