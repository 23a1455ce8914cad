//! Hearing how far a call is.

use std::pin::pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::codec;
use crate::latest::Latest;
use crate::payload::Payload;
use crate::progress::MOST_WAITING;

/// What a caller does with the progress of its call.
pub(super) struct Listener(Box<dyn FnMut(&Payload) + Send>);

/// What has come of it, and was not looked at.
pub(super) type Inbox = Arc<Latest<Payload>>;

impl Listener {
    /// Calls `hear` with each value that can be read.
    pub(super) fn new<P: DeserializeOwned>(mut hear: impl FnMut(P) + Send + 'static) -> Self {
        Self(Box::new(move |payload| match codec::decode(payload) {
            Ok(progress) => hear(progress),
            Err(error) => tracing::debug!(%error, "progress that does not fit the caller's type"),
        }))
    }

    pub(super) fn inbox() -> Inbox {
        Arc::new(Latest::new(MOST_WAITING))
    }

    /// Waits for `call`, and hears meanwhile what comes into `inbox`. What came before the end is heard before it.
    pub(super) async fn beside<T>(mut self, inbox: &Inbox, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        loop {
            tokio::select! {
                biased;
                ended = &mut call => {
                    while let Some(payload) = inbox.take() {
                        (self.0)(&payload);
                    }
                    return ended;
                }
                Some(payload) = inbox.next() => (self.0)(&payload),
            }
        }
    }
}
