//! Sends callers what their methods tell of their progress.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::message::{Message, Reply, Request};
use crate::progress::Outbox;
use crate::transport::{Destination, SharedTransport};

/// Sends callers what their methods tell of their progress.
#[derive(Debug)]
pub(super) struct ProgressSender {
    transport: SharedTransport,
    server: Arc<str>,
}

impl ProgressSender {
    /// How long one value may take to reach the broker. Those that come meanwhile wait, and the oldest are lost.
    const LIMIT: Duration = Duration::from_secs(5);
    /// How long the result waits for what was told before it.
    const LAST: Duration = Duration::from_millis(100);

    pub(super) fn new(transport: &SharedTransport, server: Arc<str>) -> Self {
        Self { transport: transport.clone(), server }
    }

    /// Runs a `method` that serves `request`, and meanwhile sends what it puts into `outbox`, one after the other. When this
    /// returns nothing is on its way any more, so that nothing comes after the result.
    pub(super) async fn beside<T>(
        &self,
        request: &Request,
        outbox: &Outbox,
        method: impl Future<Output = T>,
    ) -> T {
        let mut sending = pin!(self.send_all(request, outbox));
        let mut is_sending = true;
        let mut method = pin!(method);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut method => break ended,
                () = &mut sending, if is_sending => is_sending = false,
            }
        };
        outbox.latest.close();
        if is_sending {
            // What takes longer is left out.
            let _ = tokio::time::timeout(Self::LAST, sending).await;
        }
        ended
    }

    /// Until the outbox is closed and empty, or nobody is there.
    async fn send_all(&self, request: &Request, outbox: &Outbox) {
        let Some((address, correlation_id)) = &request.reply_to else { return };
        let destination = Destination::Reply(address.clone());
        while let Some(payload) = outbox.latest.next().await {
            let limit = Deadline::after(Self::LIMIT).earlier(request.context.deadline);
            let mut reply = Reply::progress(correlation_id.clone(), payload);
            reply.server = Some(Arc::clone(&self.server));
            reply.time_to_live = request.context.deadline.map(Deadline::remaining);
            let sent = self.transport.publish(&destination, Message::from(reply), limit).await;
            if let Err(error) = sent {
                tracing::debug!(server = %self.server, %error, "progress did not reach its caller");
                if error.is_unroutable() {
                    outbox.latest.close();
                    return;
                }
            }
        }
    }
}
