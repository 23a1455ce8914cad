//! What goes over a simulated connection.

use std::sync::Arc;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::FieldTable;

/// From the client to the broker.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    OpenChannel,
    CloseChannel,
    CloseConnection,
    ConfirmSelect,
    DeclareExchange { name: String, kind: &'static str, passive: bool },
    DeclareQueue { name: String, arguments: QueueArguments },
    Bind { queue: String, exchange: String, key: String },
    Qos { prefetch: usize },
    Consume { queue: String, tag: String, no_ack: bool },
    Cancel { tag: String },
    Publish { message: Arc<Message>, mandatory: bool },
    Ack { tag: u64, multiple: bool },
    Requeue { tag: u64 },
}

/// From the broker to the client.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// To the oldest request of the channel that waits for one.
    Done(Done),
    Confirm {
        tag: u64,
        multiple: bool,
        acknowledged: bool,
    },
    Return {
        message: Arc<Message>,
    },
    Deliver {
        consumer: String,
        tag: u64,
        redelivered: bool,
        count: u32,
        message: Arc<Message>,
    },
    Cancelled {
        consumer: String,
    },
    ChannelClosed {
        code: u16,
        text: String,
    },
    ConnectionClosed {
        code: u16,
        text: String,
    },
    Blocked,
    Unblocked,
    /// The socket was closed without a word.
    HungUp,
}

/// What a declaration of a queue counts; zeros for everything else.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) messages: u32,
    pub(crate) consumers: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct QueueArguments {
    pub(crate) passive: bool,
    pub(crate) durable: bool,
    pub(crate) exclusive: bool,
    pub(crate) auto_delete: bool,
    pub(crate) table: FieldTable,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) exchange: String,
    pub(crate) key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

impl Message {
    /// Which operation of the workload it belongs to. Replies belong to none.
    pub(crate) fn operation(&self) -> Option<usize> {
        let headers = self.properties.headers().as_ref()?;
        let lapin::types::AMQPValue::LongString(text) = headers.inner().get("meta-operation")? else {
            return None;
        };
        std::str::from_utf8(text.as_bytes()).ok()?.parse().ok()
    }

    pub(crate) fn is_persistent(&self) -> bool {
        *self.properties.delivery_mode() == Some(2)
    }

    pub(crate) fn expiration(&self) -> Option<u64> {
        self.properties.expiration().as_ref()?.as_str().parse().ok()
    }
}
