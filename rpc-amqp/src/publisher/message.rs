//! A message as a connection takes it.

use bytes::Bytes;
use rpc_core::{Code, Error, Executed, Phase};
use tokio::time::Instant;

use super::Outgoing;
use super::caller::Caller;
use super::culprit::sizes;
use super::slot::Taken;
use crate::declare::fits;
use crate::link::Refusal;
use crate::topology::Route;
use crate::wire::Properties;

/// A message as a connection takes it.
pub(super) struct Ready {
    /// At most 255 bytes, as the next.
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) mandatory: bool,
    pub(super) properties: Properties,
    pub(super) body: Bytes,
    /// Until when its caller waits.
    pub(super) until: Instant,
    /// Whether its caller may be told late that it was confirmed.
    pub(super) is_quiet: bool,
    pub(super) caller: Caller,
}

/// What a broker takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest header, in bytes.
    pub(super) header: usize,
    /// The largest body, in bytes, once the broker has refused one.
    pub(super) body: Option<usize>,
}

impl Limits {
    pub(super) fn check(&self, outgoing: &Outgoing) -> Result<(), Error> {
        let (size, limit) = (outgoing.properties.size(), self.header);
        if size > limit {
            let message =
                format!("the headers take {size} bytes, and the broker takes {limit}: send less metadata");
            return Err(not_sent(Code::InvalidArguments, message));
        }
        let size = outgoing.body.len();
        if let Some(limit) = self.body.filter(|limit| size > *limit) {
            let message = format!(
                "the message has {size} bytes, and the broker takes {limit}: raise its max_message_size or send less"
            );
            return Err(not_sent(Code::TooLarge, message));
        }
        Ok(())
    }
}

impl Ready {
    /// `None` when it cannot be sent; its caller has been told why.
    pub(super) fn new(Taken { outgoing, until, caller }: Taken) -> Option<Self> {
        let Outgoing { route, properties, since, body, is_quiet, .. } = outgoing;
        let properties = properties.aged(since.elapsed());
        if let Err(refusal) = fits(&route.exchange).and_then(|()| fits(&route.key)) {
            caller.tell(Err(refused("cannot publish", &refusal)));
            return None;
        }
        let Route { exchange, key, mandatory, .. } = route;
        Some(Self { exchange, key, mandatory, properties, body, until, is_quiet, caller })
    }
}

/// The error of a message that was not sent, because the broker has refused it or what it needs.
pub(super) fn refused(what: &str, refusal: &Refusal) -> Error {
    if sizes(&refusal.text).is_some() {
        return not_sent(Code::TooLarge, format!("{what}: {}", refusal.text));
    }
    refusal.error(what).with_phase(Phase::Publish)
}

fn not_sent(code: Code, message: String) -> Error {
    Error::new(code, message).with_executed(Executed::NotSent).with_phase(Phase::Publish)
}
