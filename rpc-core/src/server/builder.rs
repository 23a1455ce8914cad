//! What a server is told before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Server;
use crate::access::{AccessPolicy, AllowAll};
use crate::codec::Compression;
use crate::delivery_limit::DeliveryLimit;
use crate::endpoint::Endpoint;
use crate::error::{Code, Error, Executed, Phase};
use crate::identity::random_hex;
use crate::payload::ContentType;
use crate::target::Target;
use crate::transport::SharedTransport;

/// Makes a [`Server`].
#[must_use = "a server serves nothing until it is started"]
pub struct ServerBuilder {
    pub(super) transport: SharedTransport,
    pub(super) target: Target,
    pub(super) named: bool,
    pub(super) endpoints: Vec<Arc<dyn Endpoint>>,
    pub(super) ping: bool,
    pub(super) workers: u16,
    pub(super) access: Arc<dyn AccessPolicy>,
    pub(super) accept: Vec<ContentType>,
    pub(super) compression: Compression,
    pub(super) delivery_limit: u32,
    pub(super) dedupe_window: (Duration, usize),
    /// `None` until it is said.
    pub(super) introspection: Option<bool>,
    pub(super) program_version: Option<String>,
}

impl ServerBuilder {
    /// How many requests run at a time when nothing else is said.
    pub const DEFAULT_WORKERS: u16 = 64;
    /// How often a cast or an idempotent call is started when nothing else is said.
    pub const DEFAULT_DELIVERY_LIMIT: u32 = DeliveryLimit::DEFAULT;
    /// How long, and how many, requests that have ended are remembered when nothing else is said.
    pub const DEFAULT_DEDUPE_WINDOW: (Duration, usize) = (Duration::from_secs(60), 65_536);

    pub(super) fn new(transport: SharedTransport, target: Target) -> Self {
        let named = target.server_name().is_some();
        let name =
            target.server_name().map_or_else(|| format!("unnamed-{}", &random_hex()[..8]), str::to_owned);
        // Naming the server again takes a fanout back: it is the address of a caller, not of a server.
        let target = target.server(name);
        Self {
            transport,
            target,
            named,
            endpoints: Vec::new(),
            ping: false,
            workers: Self::DEFAULT_WORKERS,
            access: Arc::new(AllowAll),
            accept: ContentType::ALL.to_vec(),
            compression: Compression::default(),
            delivery_limit: Self::DEFAULT_DELIVERY_LIMIT,
            dedupe_window: Self::DEFAULT_DEDUPE_WINDOW,
            introspection: None,
            program_version: None,
        }
    }

    /// Serves one more interface. Two of one namespace may differ in their major version.
    pub fn endpoint(mut self, endpoint: impl Endpoint) -> Self {
        self.endpoints.push(Arc::new(endpoint));
        self
    }

    /// Answers the method `oslo_rpc_server_ping` with `pong`, in the namespace without a name, whatever its arguments: by it
    /// monitors of oslo.messaging see whether a server is there, and servers in Python answer it with `rpc_ping_enabled`. It
    /// runs as any other method does, on a worker and by the access policy. Nothing is added when an endpoint has a method of
    /// this name. Default: off, as in Python.
    pub fn ping(mut self, enabled: bool) -> Self {
        self.ping = enabled;
        self
    }

    /// Runs at most this many requests at a time, 0 counting as 1; as many more wait in this process for each of
    /// its queues, unacknowledged. Default: [`ServerBuilder::DEFAULT_WORKERS`].
    pub fn workers(mut self, workers: u16) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Lets this policy decide who may call what. Default: every method for everybody.
    pub fn access(mut self, policy: impl AccessPolicy) -> Self {
        self.access = Arc::new(policy);
        self
    }

    /// Accepts arguments in these content types only. Default: all of [`ContentType::ALL`].
    pub fn accept(mut self, content_types: impl IntoIterator<Item = ContentType>) -> Self {
        self.accept = content_types.into_iter().collect();
        self
    }

    /// Compresses results so, for callers that say that they can read it. Default: off.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Starts a cast or an idempotent call as this many attempts at most, 0 counting as 1. One that comes again after that
    /// goes to the dead-letter queue as [`Code::TooManyAttempts`], and a caller is told so: it has ended the server's
    /// process each time before, or was given back. Nobody but the broker outlives such a process, so what it had in hand
    /// besides is counted, too. Default: [`ServerBuilder::DEFAULT_DELIVERY_LIMIT`], below the limits
    /// of the brokers, which drop what they count out.
    pub fn delivery_limit(mut self, attempts: u32) -> Self {
        self.delivery_limit = attempts;
        self
    }

    /// Remembers requests for `time` after their end, `most` of them, so that a second copy of one is not run again; also
    /// the last 4,096 of their replies, up to 16 MiB of them, the oldest going first. Zero of either remembers nothing, not even what runs.
    /// Two copies are those of one message id, method and reply address; a message without an id has none. Default:
    /// [`ServerBuilder::DEFAULT_DEDUPE_WINDOW`], longer than a link takes to come back.
    pub fn dedupe_window(mut self, time: Duration, most: usize) -> Self {
        self.dedupe_window = (time, most);
        self
    }

    /// Answers questions about this server ([`introspection`](crate::introspection)), from one more exclusive queue, and
    /// counts for that what it does. Default: what the transport says
    /// ([`Capabilities::introspection`](crate::transport::Capabilities::introspection)), which is that it does, unless the
    /// broker is shared with programs of another framework. Cancellations come from the same queue, so a server that does not
    /// answer questions runs calls on that were given up, until their deadlines.
    ///
    /// A server that cannot have that queue, because the broker does not allow it, serves nevertheless and says so in the
    /// log. It tries again after 30 s, then in pauses that double up to ten minutes.
    pub fn introspection(mut self, answers: bool) -> Self {
        self.introspection = Some(answers);
        self
    }

    /// Says which version of the program this is to those who ask, such as `env!("CARGO_PKG_VERSION")`. Default: nothing.
    pub fn program_version(mut self, version: impl Into<String>) -> Self {
        self.program_version = Some(version.into());
        self
    }

    /// Starts to serve, and returns once the broker routes requests here.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidArguments`] when an endpoint is missing or hides another, or the target has an empty name;
    /// and what the transport says, such as a queue that exists with other arguments.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing running.
    pub async fn start(self) -> Result<Server, Error> {
        if let Some(which) = self.target.empty_name() {
            return Err(refused(format!("the {which} of the target is empty")));
        }
        Server::start(self).await
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServerBuilder")
            .field("target", &self.target)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

pub(super) fn refused(message: String) -> Error {
    Error::new(Code::InvalidArguments, message).with_executed(Executed::NotSent).with_phase(Phase::Connect)
}
