//! `rpc notify`: emits one event.

use rpc_core::{Notifier, SharedTransport};

use crate::arguments::Notify;
use crate::failure::Failure;
use crate::options::Options;
use crate::values;

pub(super) async fn run(
    transport: &SharedTransport,
    options: &Options,
    Notify { event_type, payload, json, topic, priority, publisher }: Notify,
) -> Result<(), Failure> {
    let payload = values::untyped(json.as_deref(), &payload)?;
    let notifier = Notifier::new(transport, publisher).topics([topic]).exchange(options.exchange.as_str());
    let notifier = options.timeout.into_iter().fold(notifier, Notifier::timeout);
    Ok(notifier.notify(priority, &event_type, &payload).await?)
}
