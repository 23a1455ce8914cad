//! A dead letter as the broker gave it out.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::FieldTable;
use rpc_core::message::Malformed;
use rpc_core::{Code, DeadLetter, Error, MessageId};

use crate::consumer::{copy, copy_without_caller};
use crate::library::Delivery;
use crate::publisher::Outgoing;
use crate::settings::QueueType;
use crate::topology::{Route, dead_letters, history_queue, is_queue_of};
use crate::wire::{Arrived, Rejection, decode, delivery_count, replay_headers, uncounted_headers};

const PERSISTENT: u8 = 2;
/// Newer brokers drop what a quorum queue has given out more often than a limit, which operators set as low as 5. A letter
/// that was looked at so often is put to the end of its queue anew, uncounted.
const MOST_LOOKS: u64 = 3;

/// A dead letter as the broker gave it out.
pub(super) struct Taken {
    pub(super) tag: u64,
    properties: BasicProperties,
    headers: FieldTable,
    body: Bytes,
}

impl Taken {
    pub(super) fn new(delivery: Delivery) -> Self {
        let Delivery { tag, properties, body, .. } = delivery;
        let headers = properties.headers().clone().unwrap_or_default();
        Self { tag, properties, headers, body }
    }

    pub(super) const fn size(&self) -> usize {
        self.body.len()
    }

    /// What it says, if no `defect` keeps it from being believed.
    pub(super) fn read(
        &self,
        (exchange, topic): (&str, &str),
        defect: Option<String>,
        max_message_size: usize,
    ) -> DeadLetter {
        let arrived = Arrived { properties: &self.properties, body: self.body.clone(), redelivered: false };
        let message = match defect {
            None => decode(arrived, max_message_size),
            Some(defect) => Err(Malformed::new(defect)),
        };
        let mut letter = DeadLetter::new(exchange, topic, message);
        let rejection = Rejection::read(&self.headers);
        letter.message_id =
            self.properties.message_id().as_ref().and_then(|id| MessageId::parse(id.as_str()));
        (letter.code, letter.reason) = (rejection.code, rejection.reason);
        (letter.queue, letter.rejected_at) = (rejection.queue, rejection.at);
        letter
    }

    /// The message on its way back to where it was rejected: a first attempt that nobody waits for.
    pub(super) fn replayed(&self, letter: &DeadLetter) -> Result<Outgoing, Error> {
        if history_queue(&letter.exchange, &letter.topic)? == letter.queue {
            let message = "it was rejected from a history, which has it still: read it again there";
            return Err(Error::new(Code::InvalidArguments, message));
        }
        if !is_queue_of(&letter.queue, &letter.exchange, &letter.topic) {
            let message = format!(
                "it says that it was rejected from {:?}, which is no queue of topic {:?}",
                letter.queue, letter.topic
            );
            return Err(Error::new(Code::InvalidArguments, message));
        }
        let properties = copy_without_caller(&self.properties)
            .with_delivery_mode(PERSISTENT)
            .with_headers(replay_headers(&self.headers));
        Ok(self.outgoing(Route::straight_to(&letter.queue), properties))
    }

    /// The same letter on its way to the end of its queue, if it has been looked at too often.
    pub(super) fn renewed(
        &self,
        letter: &DeadLetter,
        queue_type: QueueType,
    ) -> Option<Result<Outgoing, Error>> {
        (delivery_count(&self.headers) >= MOST_LOOKS).then(|| {
            let headers = uncounted_headers(&self.headers);
            let properties = copy(&self.properties).with_delivery_mode(PERSISTENT).with_headers(headers);
            let route = dead_letters(&letter.exchange, &letter.topic, queue_type)?;
            Ok(self.outgoing(route, properties))
        })
    }

    fn outgoing(&self, route: Route, properties: BasicProperties) -> Outgoing {
        Outgoing::new(route, properties, self.body.clone())
    }
}
