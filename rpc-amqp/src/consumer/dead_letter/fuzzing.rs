//! The writer of dead letters, for fuzz targets.

use rpc_core::Code;

use super::super::settler::Original;
use super::outgoing;
use crate::fuzzing::{Wired, written};
use crate::settings::QueueType;
use crate::topology::PlannedQueue;

/// A message as it is put away.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its properties as AMQP has them.
    pub properties: Vec<u8>,
    /// What they were reckoned to take at most.
    pub reckoned: usize,
    /// The length of its body.
    pub body: usize,
}

/// Puts a message away because of `reason`. `None` if it is no message.
#[must_use]
pub fn dead_letter(octets: &[u8], reason: &str) -> Option<DeadLetter> {
    let Wired { properties, body, .. } = Wired::read(octets)?;
    let original = Original { properties, body, queue: 0, read: None, received: tokio::time::Instant::now() };
    let queue = PlannedQueue::new("rpc.default.table".to_owned(), "default", "table");
    let dead = outgoing(original, &queue, Code::Malformed, reason, QueueType::Classic).ok()?;
    Some(DeadLetter {
        properties: written(&dead.properties.table()),
        reckoned: dead.properties.size(),
        body: dead.body.len(),
    })
}
