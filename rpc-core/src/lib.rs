//! Typed RPC and notifications over messaging.
//!
//! A service author annotates a trait; other services call it through the generated client, over any transport:
//! the in-memory one of this crate, RabbitMQ with `rpc-amqp`, or one of your own.
//!
//! ```
//! use rpc_core::{CallError, MemoryTransport, Server, Target, service};
//!
//! #[derive(Debug, serde::Deserialize, serde::Serialize, thiserror::Error)]
//! pub enum PowerError {
//!     #[error("node {0} is locked")]
//!     Locked(u32),
//! }
//!
//! /// Drives the hardware of one cell.
//! #[service(namespace = "baremetal", version = "1.2")]
//! pub trait Conductor {
//!     /// Switches a node on or off, and says whether it was on before.
//!     #[call(timeout = "30s")]
//!     async fn change_power(&self, node: u32, on: bool) -> Result<bool, PowerError>;
//! }
//!
//! struct Manager;
//!
//! impl Conductor for Manager {
//!     async fn change_power(&self, node: u32, on: bool) -> Result<bool, PowerError> {
//!         if node == 7 { Err(PowerError::Locked(node)) } else { Ok(!on) }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = MemoryTransport::new();
//! let server = Server::builder(&transport, Target::topic("conductor").server("cell-1"))
//!     .endpoint(Manager.into_endpoint())
//!     .start()
//!     .await?;
//!
//! let conductor = ConductorClient::new(&transport, Target::topic("conductor"));
//! assert!(!conductor.change_power(1, true).await?);
//! match conductor.change_power(7, true).await {
//!     Err(CallError::Service(PowerError::Locked(node))) => assert_eq!(node, 7),
//!     other => panic!("node 7 is locked, not {other:?}"),
//! }
//! server.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(()) }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | offering a service | [`service`], [`Server`] |
//! | using one | the generated client, [`Call`], [`Cast`], [`Gather`], [`CallError`]; [`Client`] without types |
//! | long calls | [`Call::call_monitor`], [`Progress`], [`Context::cancelled`] |
//! | what a running server says about itself | [`introspection`] |
//! | whether a new interface fits the old one | [`contract`] |
//! | what can go wrong | [`Error`], [`Code`], [`Executed`] |
//! | events that are kept | [`Retention`], [`Position`] |
//! | events | the [`guide`], [`Notifier`], [`driver`], [`Listener`], [`NotificationServer`], [`Filter`], [`Notification`] |
//! | what could not be handled | [`DeadLetters`] |
//! | choosing a transport by URL | [`Registry`] |
//! | settings in a file and in variables | [`config`] |
//! | writing a transport | [`transport`], `conformance` (feature) |
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `zstd` | no | compresses payloads above a threshold; builds a C library |
//! | `tracing-layer` | no | a layer for `tracing` that turns log events into notifications |
//! | `conformance` | no | the behaviours that every transport has to show |

extern crate self as rpc_core;

mod access;
mod cancellation;
mod client;
pub mod codec;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
pub mod contract;
mod dead_letters;
mod deadline;
mod delivery_limit;
pub mod driver;
mod endpoint;
mod error;
mod filter;
#[doc = include_str!("../NOTIFICATIONS.md")]
pub mod guide {}
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod history;
mod identity;
mod interface;
pub mod introspection;
mod latest;
mod listener;
mod memory;
pub mod message;
mod notification;
#[cfg(feature = "tracing-layer")]
mod notification_layer;
mod notifier;
mod parse_name;
mod payload;
mod priority;
mod progress;
mod readable;
mod rejections;
mod reply_address;
mod server;
mod target;
pub mod transport;
mod value;
mod version;

pub use self::access::{AccessPolicy, AccessRequest, AllowAll, AllowMethods, Denied};
pub use self::client::{
    Answer, Answers, Call, CallFuture, Cast, CastFuture, Client, Gather, GatherFuture, Prepare,
    ServiceFailure,
};
pub use self::codec::Compression;
pub use self::context::{Context, Foreign, Metadata, MetadataError, TraceContext};
pub use self::dead_letters::{DeadLetter, DeadLetterFilter, DeadLetters, Treated};
pub use self::deadline::Deadline;
pub use self::endpoint::{Dispatch, Endpoint, InNamespace, Invocation};
pub use self::error::{CallError, Code, Error, Executed, NoError, Phase};
pub use self::filter::Filter;
pub use self::health::{Health, HealthWatch};
pub use self::history::{Position, Retention};
pub use self::identity::{CorrelationId, MessageId, RequestId};
pub use self::interface::{Argument, Interface, Method, MethodKind};
pub use self::listener::{
    Disposition, Event, HandlerArgument, IntoDisposition, Listener, ListenerBuilder, NotificationEndpoint,
    NotificationServer, NotificationServerBuilder, Received,
};
pub use self::memory::{MemoryBroker, MemoryConnector, MemoryTransport};
pub use self::message::Outcome;
pub use self::notification::Notification;
#[cfg(feature = "tracing-layer")]
pub use self::notification_layer::{LogRecord, NotificationLayer};
pub use self::notifier::{Background, BackgroundBuilder, BackgroundCounts, Notifier, RetryPolicy, WhenFull};
pub use self::parse_name::ParseNameError;
pub use self::payload::{ContentEncoding, ContentType, Payload};
pub use self::priority::Priority;
pub use self::progress::{NoProgress, Progress};
pub use self::reply_address::ReplyAddress;
pub use self::server::{Server, ServerBuilder};
pub use self::target::{Route, Target};
pub use self::transport::{Registry, SharedTransport};
pub use self::value::Value;
pub use self::version::{ParseVersionError, Version};
pub use rpc_macros::{Notification, service};

/// What generated code refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
