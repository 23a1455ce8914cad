//! What a server serves, and how it is.

use serde::{Deserialize, Serialize};

use super::{ServerIdentity, kind_word, schema};
use crate::health::Health;
use crate::interface::{Argument, Interface, Method};
use crate::value::Value;

/// What a server serves, and which program does.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// Which server this is.
    pub server: ServerIdentity,
    /// The name of its host, as that calls itself; empty if it does not.
    pub host: String,
    /// The number of its process on that host.
    pub process: u32,
    /// The file name of its program.
    pub program: String,
    /// What [`ServerBuilder::program_version`](crate::ServerBuilder::program_version) says.
    pub program_version: Option<String>,
    /// The framework that serves, with its version, such as `rpc-core 0.1.0`.
    pub framework: String,
    /// When it was started, in milliseconds since the Unix epoch by its own clock.
    pub started_ms: u64,
    /// How long ago that was, in milliseconds.
    pub uptime_ms: u64,
    /// How many requests it runs at a time at most.
    pub workers: u16,
    /// What it serves, without this interface.
    pub interfaces: Vec<InterfaceDescription>,
}

/// An [`Interface`], as it travels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InterfaceDescription {
    /// The name of the trait.
    pub name: String,
    /// The namespace; `None` is the one without a name.
    pub namespace: Option<String>,
    /// The version, `major.minor`.
    pub version: String,
    /// The trait's documentation.
    pub docs: String,
    /// The methods, in order of declaration.
    pub methods: Vec<MethodDescription>,
}

/// A [`Method`], as it travels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MethodDescription {
    /// The name.
    pub name: String,
    /// `call`, `cast` or `fanout`.
    pub kind: String,
    /// The version that brought it, `major.minor`.
    pub since: String,
    /// How long generated clients wait, in milliseconds; `None` is their default.
    pub timeout_ms: Option<u64>,
    /// How long generated clients bear no sign of life, in milliseconds; `None` listens for none.
    #[serde(default)]
    pub call_monitor_ms: Option<u64>,
    /// Whether it may run again after a crash.
    pub idempotent: bool,
    /// Whether a request that may have run before is refused.
    pub at_most_once: bool,
    /// Whether it runs on when its caller gives the call up.
    #[serde(default)]
    pub uncancellable: bool,
    /// The arguments, in order of declaration.
    pub arguments: Vec<ArgumentDescription>,
    /// What it returns.
    pub result: TypeDescription,
    /// Its own error, if it has one.
    pub error: Option<TypeDescription>,
    /// What it tells of its progress, if it does.
    #[serde(default)]
    pub progress: Option<TypeDescription>,
    /// The method's documentation.
    pub docs: String,
}

/// An [`Argument`], as it travels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArgumentDescription {
    /// The name.
    pub name: String,
    /// Whether it has to be given.
    pub required: bool,
    /// Its type.
    #[serde(flatten)]
    pub value: TypeDescription,
}

/// A type of the service, as far as its name tells.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TypeDescription {
    /// The Rust type as written in the trait. A label for people.
    #[serde(rename = "type")]
    pub type_name: String,
    /// A JSON Schema (2020-12) of its values. A type that is the service's own is described as any value, with its name
    /// as the title.
    pub schema: Value,
}

/// Whether a server does its work.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Which server this is.
    pub server: ServerIdentity,
    /// Whether it can be given work.
    pub ready: bool,
    /// `consuming`, `degraded`, `draining` or `closed`.
    pub state: String,
    /// Why it is degraded.
    pub reason: Option<String>,
}

impl InterfaceDescription {
    /// Describes `interface`.
    #[must_use]
    pub fn new(interface: &Interface) -> Self {
        Self {
            name: interface.name.to_owned(),
            namespace: interface.namespace.map(str::to_owned),
            version: interface.version.to_string(),
            docs: interface.docs.to_owned(),
            methods: interface.methods.iter().map(MethodDescription::new).collect(),
        }
    }
}

impl MethodDescription {
    fn new(method: &Method) -> Self {
        let milliseconds =
            |timeout: std::time::Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            name: method.name.to_owned(),
            kind: kind_word(method.kind).to_owned(),
            since: method.since.to_string(),
            timeout_ms: method.timeout.map(milliseconds),
            call_monitor_ms: method.call_monitor.map(milliseconds),
            idempotent: method.idempotent,
            at_most_once: method.at_most_once,
            uncancellable: method.uncancellable,
            arguments: method.arguments.iter().map(ArgumentDescription::new).collect(),
            result: TypeDescription::new(method.result),
            error: method.error.map(TypeDescription::new),
            progress: method.progress.map(TypeDescription::new),
            docs: method.docs.to_owned(),
        }
    }
}

impl ArgumentDescription {
    fn new(argument: &Argument) -> Self {
        Self {
            name: argument.name.to_owned(),
            required: !argument.has_default,
            value: TypeDescription::new(argument.type_name),
        }
    }
}

impl TypeDescription {
    fn new(type_name: &str) -> Self {
        Self { type_name: type_name.to_owned(), schema: schema::of(type_name) }
    }
}

impl HealthReport {
    pub(crate) fn new(server: ServerIdentity, health: &Health) -> Self {
        let (state, reason) = match health {
            Health::Connected => ("connected", None),
            Health::Consuming => ("consuming", None),
            Health::Degraded(why) => ("degraded", Some(why.as_ref().to_owned())),
            Health::Draining => ("draining", None),
            Health::Closed => ("closed", None),
        };
        Self { server, ready: health.is_ready(), state: state.to_owned(), reason }
    }
}
