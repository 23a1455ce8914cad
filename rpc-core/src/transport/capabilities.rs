//! What a transport can do.

use crate::error::{Code, Error};
use crate::payload::{ContentType, Payload};

/// What a transport can do. The conformance kit skips nothing by it: it checks that the declaration is true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Durable messages survive a restart of the broker.
    pub durable: bool,
    /// A request that nobody can take fails at once with `unroutable`.
    pub fail_fast: bool,
    /// Deliveries say how often a message was delivered, not only whether it was before.
    pub redelivery_count: bool,
    /// The broker drops expired messages by itself.
    pub expiry: bool,
    /// Rejected messages are kept, with the reason, for [`DeadLetters`](crate::DeadLetters). Where they are not, a listener
    /// rejects only what cannot be read, since what it rejects is lost.
    pub dead_letters: bool,
    /// The most unsettled deliveries that a consumer gets of a queue, whatever its
    /// [`prefetch`](super::ConsumeOptions::prefetch) says.
    pub most_prefetch: u16,
    /// A fanout waits for a server whose link is away for a moment, and so may be delivered to it twice. A server then looks
    /// for copies of fanouts, too.
    pub fanout_outlives_link: bool,
    /// The largest body, in bytes, sent or accepted. A bound on what decompression may yield, too.
    pub max_message_size: usize,
    /// How clients and notifiers encode unless they are told otherwise. Not [`ContentType::default`] where the other side
    /// reads nothing else.
    pub content_type: ContentType,
    /// Whether servers answer questions about themselves ([`introspection`](crate::introspection)) unless they are told. Not
    /// where brokers are shared with programs that know nothing of it.
    pub introspection: bool,
}

impl Capabilities {
    /// The bound of [`max_message_size`](Self::max_message_size) unless configured: 4 MiB, below every
    /// broker's own.
    pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 4 * 1_024 * 1_024;

    /// A transport that promises nothing but delivery, with the default size limit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            durable: false,
            fail_fast: false,
            redelivery_count: false,
            expiry: false,
            dead_letters: false,
            most_prefetch: u16::MAX,
            fanout_outlives_link: false,
            max_message_size: Self::DEFAULT_MAX_MESSAGE_SIZE,
            content_type: ContentType::MessagePack,
            introspection: true,
        }
    }
}

impl Capabilities {
    /// Refuses a body that is larger than [`max_message_size`](Self::max_message_size): what every transport does
    /// before it sends.
    ///
    /// # Errors
    ///
    /// [`Code::TooLarge`], not sent.
    pub fn check_size(&self, payload: &Payload) -> Result<(), Error> {
        let (size, limit) = (payload.body.len(), self.max_message_size);
        if size <= limit {
            return Ok(());
        }
        Err(Error::new(Code::TooLarge, format!("the body has {size} bytes, the limit is {limit}")))
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
