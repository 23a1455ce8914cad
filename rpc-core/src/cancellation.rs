//! How servers are told of calls that nobody waits for any more.
//!
//! A cancellation is a small fanout to the topic on which servers are asked about themselves, since nothing waits behind requests
//! there. It names calls by their correlation ids: 128 random bits that only the caller, the broker and the server know, so
//! nobody else can cancel a call.

mod signal;

use serde::{Deserialize, Serialize};

pub(crate) use self::signal::Signal;
use crate::codec::{self, compression};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::identity::{CorrelationId, MessageId};
use crate::introspection::{self, Selection};
use crate::message::Request;
use crate::payload::{ContentType, Payload};
use crate::target::Target;

const NAMESPACE: &str = "rpc.cancellation";
const METHOD: &str = "cancel";

/// Calls that are not waited for any more, as they travel.
#[derive(Debug, Serialize)]
struct Written<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    calls: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Read {
    #[serde(flatten)]
    selection: Selection,
    calls: Vec<String>,
}

/// Calls that are not waited for any more, as a server hears of them.
#[derive(Debug)]
pub(crate) struct Cancelled {
    pub(crate) selection: Selection,
    pub(crate) calls: Vec<u128>,
    /// Until when somebody would have waited for the last of them.
    pub(crate) until: Option<Deadline>,
}

/// Where to tell the servers of `target`.
pub(crate) fn destination(target: &Target) -> Target {
    introspection::target().exchange(target.exchange_name()).fanout()
}

/// Tells the servers of `target` that nobody waits for `calls`. It is worth something `until` then.
pub(crate) fn request(
    target: &Target,
    calls: &[u128],
    until: Deadline,
    content_type: ContentType,
) -> Result<Request, Error> {
    let text = |key: &u128| CorrelationId::from_key(*key).as_str().to_owned();
    let written = Written {
        topic: target.topic_name(),
        server: target.server_name(),
        calls: calls.iter().map(text).collect(),
    };
    let arguments: Payload = codec::encode(content_type, &written)?;
    let context = Context { deadline: Some(until), ..Context::new() };
    let mut request = Request::in_context(MessageId::random(), context, METHOD, arguments);
    request.namespace = Some(NAMESPACE.into());
    request.time_to_live = Some(until.remaining());
    Ok(request)
}

/// Whether `request` cancels calls, and not one that asks for something.
pub(crate) fn is_cancellation(request: &Request) -> bool {
    request.namespace.as_deref() == Some(NAMESPACE)
}

/// What `request` cancels, which may inflate to `limit` bytes; nothing if it cannot be read. Ids that are not of our form are
/// nobody's.
pub(crate) fn read(request: &Request, limit: usize) -> Option<Cancelled> {
    let arguments = compression::inflate(request.arguments.clone(), limit).ok()?;
    let Read { selection, calls } = codec::decode_map(&arguments).ok()?;
    let key = |text: String| CorrelationId::parse(&text)?.key();
    Some(Cancelled {
        selection,
        calls: calls.into_iter().filter_map(key).collect(),
        until: request.context.deadline,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::introspection::ServerIdentity;

    #[test]
    fn what_is_written_is_read() {
        let target = Target::topic("conductor").exchange("other").server("cell-1");
        let until = Deadline::after(Duration::from_secs(7));
        for content_type in ContentType::ALL {
            let request = request(&target, &[1, u128::MAX], until, *content_type).unwrap();
            assert!(is_cancellation(&request) && request.reply_to.is_none() && !request.durable);
            let cancelled = read(&request, 1_000).unwrap();
            assert_eq!((cancelled.calls, cancelled.until), (vec![1, u128::MAX], Some(until)));
            for (topic, server, is_meant) in
                [("conductor", "cell-1", true), ("conductor", "cell-2", false), ("other", "cell-1", false)]
            {
                let identity = ServerIdentity::new(&Target::topic(topic).server(server));
                assert_eq!(cancelled.selection.means(&identity), is_meant);
            }
        }
        assert_eq!(destination(&target).to_string(), "other/rpc.introspection on every server");
    }

    #[test]
    fn ids_of_another_form_are_nobodys() {
        let body = br#"{"topic": "t", "calls": ["1", "", "0000000000000000000000000000000A",
            "0000000000000000000000000000000a"]}"#;
        let arguments = Payload::new(ContentType::Json, bytes::Bytes::from_static(body));
        assert_eq!(read(&Request::new(METHOD, arguments), 1_000).unwrap().calls, [10]);
        let arguments = Payload::new(ContentType::Json, bytes::Bytes::from_static(b"{}"));
        assert!(read(&Request::new(METHOD, arguments), 1_000).is_none());
    }
}
