//! What transports carry: requests, replies and notifications.

mod asked;
mod malformed;
mod notification;
mod reply;
mod request;
mod traceback;

pub use self::asked::Asked;
pub use self::malformed::Malformed;
pub use self::notification::NotificationMessage;
pub use self::reply::{Failure, Outcome, Reply};
pub use self::request::Request;
pub use self::traceback::Traceback;
use crate::context::Context;
use crate::identity::MessageId;
use crate::payload::Payload;
use std::sync::Arc;

/// What a transport carries. A wire of the transport decides how it looks to the broker.
///
/// It is shared, since it is handed on and kept more often than it is changed: `Arc::make_mut` copies it only if somebody
/// else has it, too.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to carry every kind")]
pub enum Message {
    /// A call, a cast or a fanout.
    Request(Arc<Request>),
    /// The outcome of a call.
    Reply(Arc<Reply>),
    /// An event.
    Notification(Arc<NotificationMessage>),
}

impl Message {
    /// The arguments, the result, the error's data, or the event.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        match self {
            Self::Request(request) => &request.arguments,
            Self::Reply(reply) => reply.payload(),
            Self::Notification(notification) => &notification.payload,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        match self {
            Self::Request(request) => &request.message_id,
            Self::Reply(reply) => &reply.message_id,
            Self::Notification(notification) => &notification.message_id,
        }
    }

    /// What travels with a request or an event.
    pub(crate) fn context(&self) -> Option<&Context> {
        match self {
            Self::Request(request) => Some(&request.context),
            Self::Notification(notification) => Some(&notification.context),
            Self::Reply(_) => None,
        }
    }

    /// As [`context`](Self::context), to change it. What somebody else has, too, is copied for that.
    pub(crate) fn context_mut(&mut self) -> Option<&mut Context> {
        match self {
            Self::Request(request) => Some(&mut Arc::make_mut(request).context),
            Self::Notification(notification) => Some(&mut Arc::make_mut(notification).context),
            Self::Reply(_) => None,
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(Arc::new(request))
    }
}

impl From<Reply> for Message {
    fn from(reply: Reply) -> Self {
        Self::Reply(Arc::new(reply))
    }
}

impl From<NotificationMessage> for Message {
    fn from(notification: NotificationMessage) -> Self {
        Self::Notification(Arc::new(notification))
    }
}
