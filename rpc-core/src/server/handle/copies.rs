//! Requests that are here already.

use std::time::Duration;

use super::{Acknowledge, Handler};
use crate::error::Code;
use crate::message::{Outcome, Request};
use crate::server::duplicates::{Found, Running};
use crate::server::worker::Worker;
use crate::transport::Acknowledger;

impl Handler {
    /// How long a request stays here that could not be answered once more, before it goes back to its queue.
    const ANSWER_PAUSE: Duration = Duration::from_secs(1);

    /// Settles a request that runs here or ran here already; gives one back that is to run.
    ///
    /// A copy of what runs waits without a worker, since what runs may need one: it may call this very server. It keeps
    /// its place in the prefetch, which is no less than there are workers, and each request that runs is waited for by
    /// one redelivery: so there is always a place for each worker that is free.
    pub(super) async fn first_copy(
        &self,
        request: &Request,
        idempotent: bool,
        acknowledge: Acknowledge,
        acknowledger: Acknowledger,
        worker: &mut Worker,
    ) -> Option<(Running, Acknowledger)> {
        loop {
            let again = idempotent && request.reply_to.is_some();
            match self.duplicates.find(request, again, acknowledge == Acknowledge::AfterEnd) {
                Found::First(running) => return Some((running, acknowledger)),
                // The other copy answers.
                Found::Runs(None) | Found::Ran(None) => {
                    drop(acknowledger.ack());
                    return None;
                }
                Found::Ran(Some(outcome)) => {
                    Box::pin(self.answer_again(request, outcome, acknowledge, acknowledger, worker)).await;
                    return None;
                }
                Found::Runs(Some(end)) => {
                    worker.release();
                    // Dropped, it goes back to its queue.
                    let is_settled = Box::pin(self.kill.run_until_cancelled(end.wait())).await?;
                    if is_settled {
                        drop(acknowledger.ack());
                        return None;
                    }
                    Box::pin(self.stop.run_until_cancelled(worker.take())).await?;
                }
            }
        }
    }

    /// The first answer may have been lost. One too many does no harm: the caller takes the first.
    async fn answer_again(
        &self,
        request: &Request,
        outcome: Outcome,
        acknowledge: Acknowledge,
        acknowledger: Acknowledger,
        worker: &mut Worker,
    ) {
        let mut unsettled = Some(acknowledger);
        let replied = self.responder.reply(request, &outcome, worker, &mut unsettled).await;
        let Some(acknowledger) = unsettled else { return };
        let is_answered = !matches!(replied, Err(Code::Unavailable | Code::Overloaded));
        if is_answered || acknowledge == Acknowledge::BeforeStart {
            return drop(acknowledger.ack());
        }
        worker.release();
        // Without a pause it would come again at once, and be answered as badly.
        let _ = self.kill.run_until_cancelled(tokio::time::sleep(Self::ANSWER_PAUSE)).await;
        drop(acknowledger.requeue());
    }
}
