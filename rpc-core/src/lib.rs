//! Typed RPC and notifications over messaging.

mod client;
pub mod codec;
mod context;
mod deadline;
mod endpoint;
mod error;
mod identity;
mod interface;
pub mod message;
mod payload;
mod priority;
mod reply_address;
mod target;
pub mod transport;
mod value;
mod version;

pub use self::context::{Context, Metadata, MetadataError, TraceContext};
pub use self::deadline::Deadline;
pub use self::endpoint::{Dispatch, Endpoint, Invocation, Outcome};
pub use self::error::{CallError, Code, Error, Executed, NoError, Phase};
pub use self::identity::{CorrelationId, MessageId, RequestId};
pub use self::interface::{Argument, Interface, Method, MethodKind};
pub use self::payload::{ContentEncoding, ContentType, Payload};
pub use self::priority::{ParsePriorityError, Priority};
pub use self::reply_address::ReplyAddress;
pub use self::target::{Route, Target};
pub use self::transport::{Registry, SharedTransport};
pub use self::value::Value;
pub use self::version::{ParseVersionError, Version};
