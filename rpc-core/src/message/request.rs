//! A call, a cast or a fanout.

use std::borrow::Cow;
use std::time::Duration;

use crate::context::Context;
use crate::identity::{CorrelationId, MessageId};
use crate::payload::{ContentEncoding, Payload};
use crate::reply_address::ReplyAddress;
use crate::version::Version;

/// A call, a cast or a fanout: run `method` with `arguments`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Unique per request, the same when it is sent or delivered again.
    pub message_id: MessageId,
    /// Where the reply goes, and what joins it to the request; `None` for casts and fanouts.
    pub reply_to: Option<(ReplyAddress, CorrelationId)>,
    /// The namespace of the interface.
    pub namespace: Option<Cow<'static, str>>,
    /// The version of the interface that the caller needs.
    pub version: Version,
    /// The version in the caller's own words, when [`version`](Self::version) says it less exactly.
    pub version_text: Option<Box<str>>,
    /// The method.
    pub method: Cow<'static, str>,
    /// The arguments by name.
    pub arguments: Payload,
    /// Who asks, until when, within which trace.
    pub context: Context,
    /// How long the broker may keep the message before it is worthless; `None` keeps it for ever.
    pub time_to_live: Option<Duration>,
    /// Whether the message has to survive a restart of the broker.
    pub durable: bool,
    /// How the reply may be compressed.
    pub accept_encoding: Option<ContentEncoding>,
    /// How long the caller waits for a sign of life; `None` when it listens for none. The server sends one every
    /// half of it while the method runs, as [`Reply::running`](super::Reply::running).
    pub call_monitor: Option<Duration>,
    /// Whether the caller listens for progress: whether the server sends what the method tells, as
    /// [`Reply::progress`](super::Reply::progress).
    pub progress: bool,
}

impl Request {
    /// A request for `method` with a new message id: no reply, default version, new context, not durable.
    #[must_use]
    pub fn new(method: impl Into<Cow<'static, str>>, arguments: Payload) -> Self {
        Self::in_context(MessageId::random(), Context::new(), method, arguments)
    }

    /// As [`Request::new`], with an id and a context that exist already.
    #[must_use]
    pub fn in_context(
        message_id: MessageId,
        context: Context,
        method: impl Into<Cow<'static, str>>,
        arguments: Payload,
    ) -> Self {
        Self {
            message_id,
            reply_to: None,
            namespace: None,
            version: Version::DEFAULT,
            version_text: None,
            method: method.into(),
            arguments,
            context,
            time_to_live: None,
            durable: false,
            accept_encoding: None,
            call_monitor: None,
            progress: false,
        }
    }
}
