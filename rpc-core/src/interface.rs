//! What a service offers, as data.

use std::time::Duration;

use crate::version::Version;

/// What a service offers: its namespace, version and methods. `#[service]` writes it as a constant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Interface {
    /// The name of the trait.
    pub name: &'static str,
    /// The namespace; `None` is the one without a name.
    pub namespace: Option<&'static str>,
    /// The version.
    pub version: Version,
    /// The methods. [`Endpoint::dispatch`](crate::Endpoint::dispatch) counts by this order.
    pub methods: &'static [Method],
    /// The trait's documentation.
    pub docs: &'static str,
}

/// One method of an [`Interface`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Method {
    /// The name on the wire.
    pub name: &'static str,
    /// How the generated client sends it.
    pub kind: MethodKind,
    /// The version that brought it, which is the version that the generated client asks for.
    pub since: Version,
    /// How long the generated client waits for the result, or gathers the results of all servers; `None` takes the client's
    /// default.
    pub timeout: Option<Duration>,
    /// How long the generated client waits for a sign of life; `None` takes the client's setting.
    pub call_monitor: Option<Duration>,
    /// Whether it may run again after a crash: acknowledged after its reply was confirmed, not before it starts.
    pub idempotent: bool,
    /// Whether a request that may have run before is refused instead of run.
    pub at_most_once: bool,
    /// Whether it runs on when its caller gives the call up.
    pub uncancellable: bool,
    /// The arguments, in order.
    pub arguments: &'static [Argument],
    /// The Rust type of the result as written in the trait; `()` when there is none. A label for people.
    pub result: &'static str,
    /// The Rust type of the method's own error as written in the trait. A label for people.
    pub error: Option<&'static str>,
    /// The Rust type of what it tells of its progress, as written in the trait; `None` when it tells nothing. A label for
    /// people.
    pub progress: Option<&'static str>,
    /// The method's documentation.
    pub docs: &'static str,
}

/// One argument of a [`Method`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Argument {
    /// The name on the wire.
    pub name: &'static str,
    /// The Rust type as written in the trait. A label for people.
    pub type_name: &'static str,
    /// Whether it may be left out.
    pub has_default: bool,
}

/// How a method is meant to be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum MethodKind {
    /// Waits for the result.
    Call,
    /// One server runs it; nobody waits.
    Cast,
    /// Every server runs it. Nobody waits, unless it has a result or an error of its own: then the answers are gathered.
    Fanout,
}

impl Interface {
    /// An interface without a namespace, of [`Version::DEFAULT`], without methods and documentation.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, namespace: None, version: Version::DEFAULT, methods: &[], docs: "" }
    }

    /// Sets the namespace. Default: the one without a name.
    #[must_use]
    pub const fn with_namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Sets the version. Default: [`Version::DEFAULT`].
    #[must_use]
    pub const fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Sets the methods. Default: none.
    #[must_use]
    pub const fn with_methods(mut self, methods: &'static [Method]) -> Self {
        self.methods = methods;
        self
    }

    /// Sets the documentation. Default: empty.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

impl Method {
    /// A method without arguments, since [`Version::DEFAULT`].
    #[must_use]
    pub const fn new(name: &'static str, kind: MethodKind) -> Self {
        Self {
            name,
            kind,
            since: Version::DEFAULT,
            timeout: None,
            call_monitor: None,
            idempotent: false,
            at_most_once: false,
            uncancellable: false,
            arguments: &[],
            result: "()",
            error: None,
            progress: None,
            docs: "",
        }
    }

    /// Sets the version that brought the method. Default: [`Version::DEFAULT`].
    #[must_use]
    pub const fn with_since(mut self, since: Version) -> Self {
        self.since = since;
        self
    }

    /// Sets how long the generated client waits. Default: the client's own time limit.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long the generated client waits for a sign of life. Default: the client's own setting.
    #[must_use]
    pub const fn with_call_monitor(mut self, call_monitor: Duration) -> Self {
        self.call_monitor = Some(call_monitor);
        self
    }

    /// Says that the method may run again after a crash. Default: it may not.
    #[must_use]
    pub const fn with_idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Says that a request that may have run before is refused. Default: it runs.
    #[must_use]
    pub const fn with_at_most_once(mut self, at_most_once: bool) -> Self {
        self.at_most_once = at_most_once;
        self
    }

    /// Says that the method runs on, or starts, although its caller has given the call up. Default: it ends where it stands.
    #[must_use]
    pub const fn with_uncancellable(mut self, uncancellable: bool) -> Self {
        self.uncancellable = uncancellable;
        self
    }

    /// Sets the type of the result. Default: `()`.
    #[must_use]
    pub const fn with_result(mut self, type_name: &'static str) -> Self {
        self.result = type_name;
        self
    }

    /// Sets the type of the method's own error. Default: it has none.
    #[must_use]
    pub const fn with_error(mut self, type_name: &'static str) -> Self {
        self.error = Some(type_name);
        self
    }

    /// Sets the type of what the method tells of its progress. Default: nothing.
    #[must_use]
    pub const fn with_progress(mut self, type_name: &'static str) -> Self {
        self.progress = Some(type_name);
        self
    }

    /// Sets the arguments. Default: none.
    #[must_use]
    pub const fn with_arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    /// Sets the documentation. Default: empty.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

impl Argument {
    /// An argument that has to be given.
    #[must_use]
    pub const fn new(name: &'static str, type_name: &'static str) -> Self {
        Self { name, type_name, has_default: false }
    }

    /// Says that the argument may be left out. Default: it may not.
    #[must_use]
    pub const fn with_default(mut self) -> Self {
        self.has_default = true;
        self
    }
}
