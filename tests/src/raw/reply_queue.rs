//! A queue for replies, with a legal reply address for a name.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use futures_util::StreamExt;
use lapin::Consumer;

use super::{LIMIT, Message};

/// A queue for replies, consumed as they come.
#[derive(Debug)]
pub struct ReplyQueue {
    address: String,
    consumer: Consumer,
    waiting: Vec<Message>,
}

impl ReplyQueue {
    pub(super) const fn new(address: String, consumer: Consumer) -> Self {
        Self { address, consumer, waiting: Vec::new() }
    }

    /// The address for property `reply_to`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The reply with `correlation_id`; `None` when it has not come within [`LIMIT`]. Others are kept for later.
    pub async fn wait(&mut self, correlation_id: &str) -> Option<Message> {
        let is_wanted = |reply: &Message| reply.correlation_id.as_deref() == Some(correlation_id);
        if let Some(found) = self.waiting.iter().position(is_wanted) {
            return Some(self.waiting.remove(found));
        }
        let arrival = async {
            loop {
                let delivery = self.consumer.next().await.expect("the reply queue exists").expect("a reply");
                let reply = Message::from_delivery(&delivery);
                if is_wanted(&reply) {
                    return reply;
                }
                self.waiting.push(reply);
            }
        };
        tokio::time::timeout(LIMIT, arrival).await.ok()
    }

    /// Replies that nobody asked for with [`ReplyQueue::wait`], of those that have arrived so far.
    #[must_use]
    pub fn left_over(&self) -> &[Message] {
        &self.waiting
    }
}

pub(super) fn random_address() -> String {
    format!("reply.raw.{}", random_hex())
}

/// 32 hexadecimal digits from the system's random source, by way of the keys of the standard hash maps.
pub(crate) fn random_hex() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}
