//! Requests.

use std::borrow::Cow;
use std::time::Duration;

use lapin::types::FieldTable;
use rpc_core::message::{Malformed, Request};
use rpc_core::{CorrelationId, Deadline, ReplyAddress, Version};

use super::super::headers::{number, own_text, text};
use super::super::words;
use super::{Arrived, context, expiration, message_id, payload};

const PERSISTENT: u8 = 2;

pub(super) fn decode(
    arrived: Arrived<'_>,
    headers: &FieldTable,
    reply_to: Option<(ReplyAddress, CorrelationId)>,
) -> Result<Request, Malformed> {
    let properties = arrived.properties;
    if reply_to.is_none() && properties.correlation_id().is_some() {
        return Err(Malformed::new("a correlation id without a reply address"));
    }
    let method = own_text(headers, words::METHOD)
        .filter(|method| !method.is_empty())
        .ok_or_else(|| Malformed::new("the header method is missing"))?;
    let arguments = payload(properties, arrived.body)?;
    let (message_id, time_to_live) = (message_id(properties), expiration(properties));
    let context = context::decode(properties, headers, &message_id, time_to_live, arrived.redelivered);
    let mut request = Request::in_context(message_id, context, method, arguments);
    request.reply_to = reply_to;
    request.namespace =
        own_text(headers, words::NAMESPACE).filter(|namespace| !namespace.is_empty()).map(Cow::Owned);
    if let Some(version) = text(headers, words::VERSION) {
        request.version = version
            .parse::<Version>()
            .map_err(|error| Malformed::new(format!("the header version is wrong: {error}")))?;
    }
    // An encoding that we do not know is one that we do not use.
    request.accept_encoding = text(headers, words::ACCEPT_ENCODING).and_then(|word| word.parse().ok());
    // What is no time asks for nothing.
    let call_monitor = number(headers, words::CALL_MONITOR_MS).filter(|milliseconds| *milliseconds > 0);
    request.call_monitor =
        call_monitor.map(|milliseconds| Duration::from_millis(milliseconds).min(Deadline::LONGEST));
    request.progress = text(headers, words::PROGRESS).is_some_and(|word| matches!(&*word, words::YES | "1"));
    request.time_to_live = time_to_live;
    request.durable = *properties.delivery_mode() == Some(PERSISTENT);
    Ok(request)
}
