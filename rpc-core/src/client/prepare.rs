//! What a client is told once, for all its requests.

use std::borrow::Cow;
use std::time::Duration;

use crate::codec::Compression;
use crate::interface::Interface;
use crate::payload::ContentType;
use crate::target::Target;
use crate::version::Version;

/// The settings of a client, as [`Client::prepare`](crate::Client::prepare) offers them for change.
#[derive(Clone, Debug)]
#[must_use]
pub struct Prepare {
    pub(super) target: Target,
    pub(super) namespace: Option<Cow<'static, str>>,
    pub(super) version: Option<Version>,
    pub(super) version_cap: Option<Version>,
    pub(super) timeout: Option<Duration>,
    pub(super) call_monitor: Option<Duration>,
    pub(super) content_type: ContentType,
    pub(super) compression: Compression,
    pub(super) fail_fast_no_consumers: bool,
}

impl Prepare {
    pub(super) fn new(target: Target, content_type: ContentType) -> Self {
        Self {
            target,
            namespace: None,
            version: None,
            version_cap: None,
            timeout: None,
            call_monitor: None,
            content_type,
            compression: Compression::default(),
            fail_fast_no_consumers: false,
        }
    }

    pub(super) fn interface(mut self, interface: &Interface) -> Self {
        self.namespace = interface.namespace.map(Cow::Borrowed);
        self
    }

    /// Addresses one server. Default: any one of the topic.
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.target = self.target.server(server);
        self
    }

    /// Addresses any one server of the topic: takes back a server name, or a fanout.
    pub fn any_server(mut self) -> Self {
        self.target = self.target.any();
        self
    }

    /// Addresses the same in another exchange. Default: that of the client's target.
    pub fn exchange(mut self, exchange: impl Into<String>) -> Self {
        self.target = self.target.exchange(exchange);
        self
    }

    /// Addresses another target. Default: that of the client.
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets the namespace of the interface. Default: the one without a name, or that of the typed client's
    /// interface.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(Cow::Owned(namespace.into()));
        self
    }

    /// Asks for the interface in the namespace without a name. Default: as [`namespace`](Self::namespace).
    pub fn without_namespace(mut self) -> Self {
        self.namespace = None;
        self
    }

    /// Asks for this version of the interface. Default: for a typed client the version that brought the method, so that new
    /// clients can use old servers; otherwise [`Version::DEFAULT`].
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Takes back [`version`](Self::version).
    pub fn without_version(mut self) -> Self {
        self.version = None;
        self
    }

    /// Refuses, before sending, what a server of version `cap` would refuse: for the time of a rolling upgrade. Default: no
    /// cap. oslo.messaging's `version_cap`.
    pub fn version_cap(mut self, cap: Version) -> Self {
        self.version_cap = Some(cap);
        self
    }

    /// Takes back [`version_cap`](Self::version_cap).
    pub fn without_version_cap(mut self) -> Self {
        self.version_cap = None;
        self
    }

    /// Waits this long, instead of the time limits of the methods and of
    /// [`Client::DEFAULT_TIMEOUT`](crate::Client::DEFAULT_TIMEOUT). A limit set on a single call wins.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Takes back [`timeout`](Self::timeout).
    pub fn without_timeout(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// Fails a call as [`Code::Unresponsive`](crate::Code::Unresponsive) when no sign of life came from its server for
    /// this long. See [`Call::call_monitor`](crate::Call::call_monitor); what is set on a single call wins, and both win
    /// over that of the method. [`Duration::ZERO`] switches it off. Default: that of the method, or off. oslo.messaging's
    /// `call_monitor_timeout`. Casts are not affected.
    pub fn call_monitor(mut self, silence: Duration) -> Self {
        self.call_monitor = Some(silence);
        self
    }

    /// Looks at the queue before each call, and fails it as [`Code::Unroutable`](crate::Code::Unroutable), not sent, when
    /// nobody consumes there. Costs one more round trip. Default: off, so that a call waits in the queue for a server
    /// that is restarting.
    ///
    /// A last server that leaves after the look is not noticed: such a call waits until its deadline. When the transport
    /// cannot look within 1 s the call is made nevertheless. Casts are not affected.
    pub fn fail_fast_no_consumers(mut self, fail_fast: bool) -> Self {
        self.fail_fast_no_consumers = fail_fast;
        self
    }

    /// Encodes arguments so, and gets results the same way. Default: what the transport says, which is MessagePack unless
    /// its other side reads only JSON.
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// Compresses arguments so. Default: off.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The cap that refuses requests for `version`, if one does.
    pub(super) fn refusing_cap(&self, version: Version) -> Option<Version> {
        self.version_cap.filter(|cap| !cap.serves(version))
    }
}
