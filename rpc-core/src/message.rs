//! What transports carry: requests, replies and notifications.

mod malformed;
mod notification;
mod reply;
mod request;

pub use self::malformed::Malformed;
pub use self::notification::NotificationMessage;
pub use self::reply::{Failure, Outcome, Reply};
pub use self::request::Request;

/// What a transport carries. A wire of the transport decides how it looks to the broker.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a transport has to carry every kind")]
pub enum Message {
    /// A call, a cast or a fanout.
    Request(Request),
    /// The outcome of a call.
    Reply(Reply),
    /// An event.
    Notification(NotificationMessage),
}

impl Message {
    /// The size of the body in bytes.
    #[must_use]
    pub fn body_len(&self) -> usize {
        match self {
            Self::Request(request) => request.arguments.body.len(),
            Self::Reply(reply) => reply.payload().body.len(),
            Self::Notification(notification) => notification.payload.body.len(),
        }
    }
}
