//! Typed RPC and notifications over messaging.

extern crate self as rpc_core;

mod access;
mod client;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod deadline;
mod endpoint;
mod error;
mod identity;
mod interface;
mod listener;
mod memory;
pub mod message;
mod notification;
mod notifier;
mod payload;
mod priority;
mod reply_address;
mod server;
mod target;
pub mod transport;
mod value;
mod version;

pub use self::access::{AccessPolicy, AccessRequest, AllowAll, AllowMethods, Denied};
pub use self::client::{Call, CallFuture, Cast, CastFuture, Client, Prepare, ServiceFailure};
pub use self::codec::Compression;
pub use self::context::{Context, Metadata, MetadataError, TraceContext};
pub use self::deadline::Deadline;
pub use self::endpoint::{Dispatch, Endpoint, Invocation, Outcome};
pub use self::error::{CallError, Code, Error, Executed, NoError, Phase};
pub use self::identity::{CorrelationId, MessageId, RequestId};
pub use self::interface::{Argument, Interface, Method, MethodKind};
pub use self::listener::{Event, Listener, ListenerBuilder};
pub use self::memory::{DeadLetter, MemoryBroker, MemoryConnector, MemoryTransport};
pub use self::notification::Notification;
pub use self::notifier::Notifier;
pub use self::payload::{ContentEncoding, ContentType, Payload};
pub use self::priority::{ParsePriorityError, Priority};
pub use self::reply_address::ReplyAddress;
pub use self::server::{Server, ServerBuilder};
pub use self::target::{Route, Target};
pub use self::transport::{Registry, SharedTransport};
pub use self::value::Value;
pub use self::version::{ParseVersionError, Version};

/// What generated code refers to. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
