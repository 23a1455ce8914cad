//! Messages as a call sends them.

use std::time::Duration;

use rpc_core::codec;
use rpc_core::message::{Message, NotificationMessage, Outcome, Reply, Request};
use rpc_core::{ContentType, Context, CorrelationId, Deadline, Payload, ReplyAddress};

/// The arguments of a method, as the generated client has them.
#[derive(serde::Deserialize, serde::Serialize)]
pub(crate) struct Arguments {
    pub(crate) text: String,
}

pub(crate) fn arguments() -> Arguments {
    Arguments { text: "x".repeat(64) }
}

pub(crate) fn payload() -> Payload {
    codec::encode(ContentType::MessagePack, &arguments()).expect("a text has a form")
}

pub(crate) fn request() -> Message {
    let mut request = Request::new("change_power", payload());
    request.namespace = Some("baremetal".into());
    request.reply_to = Some((ReplyAddress::random("bench"), correlation_id()));
    request.context = Context::new();
    request.context.deadline = Some(Deadline::after(Duration::from_secs(30)));
    request.time_to_live = Some(Duration::from_secs(30));
    Message::from(request)
}

pub(crate) fn reply() -> Message {
    let mut reply = Reply::new(correlation_id(), Outcome::Success(payload()));
    reply.server = Some("cell-1".into());
    reply.time_to_live = Some(Duration::from_secs(30));
    Message::from(reply)
}

pub(crate) fn notification() -> Message {
    Message::from(NotificationMessage::new("conductor.cell-1", "baremetal.node.power_set", payload()))
}

fn correlation_id() -> CorrelationId {
    CorrelationId::parse("00112233445566778899aabbccddeeff").expect("a short text")
}
